"""The diffs of file changes."""

from typing import Any

from services.worker.importers.formats import ids
from services.worker.importers.formats.transcript.file_changes import MAX_PATCH_CHARACTERS
from services.worker.persist.records import FileChange
from tests.unit.worker.importers.transcript.rows_of_a_session import PATCH, answer, of, read_rows, result, use

PATH = "/home/ann/app/a.py"


def changed(name: str, outcome: dict[str, Any] | None, **parameters: Any) -> FileChange:
    """The change that one call made. `outcome` is its structured result."""
    more = {} if outcome is None else {"toolUseResult": outcome}
    [change] = of(read_rows(answer(0, "a1", "msg_1", use("toolu_1", name, **parameters)), result(1, "u1", "toolu_1", **more)), FileChange)
    return change


def test_an_edit_has_the_hunks_of_its_result() -> None:
    change = changed("Edit", {"filePath": PATH, "oldString": "b"} | PATCH, file_path=PATH, old_string="b", new_string="c\nd")

    assert (change.patch, change.patch_left_out) == ("@@ -1,2 +1,3 @@\n a\n-b\n+c\n+d", 0)
    assert change.tool_call_id == ids.tool_use_id("toolu_1")


def test_a_created_file_is_one_hunk_of_added_lines() -> None:
    outcome = {"type": "create", "filePath": PATH, "content": "a = 1\n\nb = 2\n", "structuredPatch": []}

    change = changed("Write", outcome, file_path=PATH, content="a = 1\n\nb = 2\n")

    assert (change.action, change.patch) == ("created", "@@ -0,0 +1,3 @@\n+a = 1\n+\n+b = 2")


def test_a_long_diff_is_cut_behind_a_line() -> None:
    content = "".join(f"line {number:05}\n" for number in range(10_000))

    change = changed("Write", {"type": "create", "filePath": PATH, "content": content, "structuredPatch": []}, file_path=PATH, content="")

    assert change.patch is not None
    lines = change.patch.split("\n")
    assert len(change.patch) <= MAX_PATCH_CHARACTERS
    assert (len(lines) - 1 + change.patch_left_out, lines[-1]) == (10_000, f"+line {len(lines) - 2:05}")


def test_an_edit_without_a_result_has_what_was_asked_for_without_numbers() -> None:
    change = changed("Edit", None, file_path=PATH, old_string="a\nb\nc", new_string="a\nx\nc")

    assert (change.is_estimated, change.patch) == (True, "@@ @@\n a\n-b\n+x\n c")


def test_several_edits_without_a_result_are_several_hunks() -> None:
    edits = [{"old_string": "a", "new_string": "b"}, {"old_string": "c", "new_string": "c"}, {"old_string": "d", "new_string": ""}]

    assert changed("MultiEdit", None, file_path=PATH, edits=edits).patch == "@@ @@\n-a\n+b\n@@ @@\n-d"


def test_what_a_write_replaced_is_not_known_without_a_result() -> None:
    read_before = answer(0, "a0", "msg_0", use("toolu_0", "Read", file_path=PATH))
    rows = (read_before, answer(1, "a1", "msg_1", use("toolu_1", "Write", file_path=PATH, content="x\n")), result(2, "u1", "toolu_1"))

    [change] = of(read_rows(*rows), FileChange)

    assert (change.action, change.patch) == ("modified", None)
    assert changed("Write", None, file_path=PATH, content="x\n").patch == "@@ -0,0 +1,1 @@\n+x"


def test_a_result_that_changed_nothing_has_no_diff() -> None:
    assert changed("Write", {"type": "update", "filePath": PATH, "structuredPatch": []}, file_path=PATH, content="x").patch is None


def test_a_deletion_has_its_call_and_no_diff() -> None:
    change = changed("Bash", None, command="rm b.txt")

    assert (change.action, change.patch, change.tool_call_id) == ("deleted", None, ids.tool_use_id("toolu_1"))


def test_odd_hunks() -> None:
    hunks = [
        {"oldStart": "x", "lines": ["+a"]},
        {"lines": None},
        {"oldStart": 1, "oldLines": 0, "newStart": 1, "newLines": 1, "lines": ["+\x00"]},
    ]

    assert changed("Edit", {"structuredPatch": hunks}, file_path=PATH, old_string="b", new_string="c").patch == (
        "@@ @@\n+a\n@@ -1,0 +1,1 @@\n+\ufffd"
    )
