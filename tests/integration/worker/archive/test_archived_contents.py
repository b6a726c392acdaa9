"""The contents that imports brought of one session's file stay side by side: a reparse loses nothing of it, and an undo takes away its own."""

from pathlib import Path

import pytest

from services.worker.resources import Resources
from tests.integration.worker.all_tables import all_tables
from tests.integration.worker.archive.imported_contents import contents, import_files, undo
from tests.integration.worker.archive.reparsed_sessions import reparse
from tests.unit.worker.importers.transcript.rows_of_a_session import SESSION, answer, jsonl, prompt, result, text, use

NAME = f"{SESSION}.jsonl"
SHARED = [
    prompt(0, "u1", "look at it"),
    answer(1, "a1", "msg_1", text("Looking."), use("toolu_1", "Bash", command="ls"), output=9),
    result(2, "r1", "toolu_1", "done"),
]
DESK = [prompt(10, "d1", "at the desk"), answer(11, "d2", "msg_d", text("At the desk."), use("toolu_d", "Bash", command="rm /p/d"))]
LAPTOP = [prompt(20, f"l{n}", f"on the way {n}") for n in range(9)]
ROOT, ON_DESK, ON_LAPTOP = jsonl(*SHARED), jsonl(*SHARED, *DESK), jsonl(*SHARED, *LAPTOP)


@pytest.mark.parametrize(("first", "second"), [(ON_DESK, ON_LAPTOP), (ON_LAPTOP, ON_DESK)])
def test_a_session_that_went_on_on_two_machines_keeps_both_branches(worker: Resources, tmp_path: Path, first: bytes, second: bytes) -> None:
    """given imports of both branches, of which neither begins with the other, when all is reparsed, then contents and rows are as before."""
    import_files(worker, tmp_path, {NAME: first})
    import_files(worker, tmp_path, {NAME: second})
    before = all_tables(worker)

    done = reparse(worker)

    assert contents(worker) == sorted([ON_DESK, ON_LAPTOP], key=len, reverse=True)
    assert done == {"status": "succeeded", "changes": {}, "errors": []}
    assert all_tables(worker) == before
    assert len(before["messages"]) == 1 + 1 + 2 + 9


@pytest.mark.parametrize(("kept", "undone"), [(ON_DESK, ON_LAPTOP), (ON_LAPTOP, ON_DESK), (ROOT, ON_DESK), (ON_DESK, ROOT)])
@pytest.mark.parametrize("is_kept_first", [True, False])
def test_an_undo_leaves_what_another_import_brought_and_nothing_else(
    worker: Resources, tmp_path: Path, kept: bytes, undone: bytes, *, is_kept_first: bool
) -> None:
    """given two imports of one file in either order, when one is undone, then archive and rows are the other's alone, after a reparse too."""
    alone = import_files(worker, tmp_path, {NAME: kept})
    expected = all_tables(worker)
    undo(worker, alone)
    jobs = {content: import_files(worker, tmp_path, {NAME: content}) for content in ((kept, undone) if is_kept_first else (undone, kept))}

    undo(worker, jobs[undone])

    assert contents(worker) == [kept]
    assert all_tables(worker) == expected
    assert reparse(worker) == {"status": "succeeded", "changes": {}, "errors": []}
    assert (contents(worker), all_tables(worker)) == ([kept], expected)


def test_a_content_that_two_imports_brought_stays_until_both_are_undone(worker: Resources, tmp_path: Path) -> None:
    first, second = (import_files(worker, tmp_path, {NAME: ON_DESK}) for _ in range(2))

    undo(worker, first)
    assert contents(worker) == [ON_DESK]
    undo(worker, second)

    assert contents(worker) == []
    assert all_tables(worker)["messages"] == []
