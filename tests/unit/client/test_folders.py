"""An import keeps to the folders that are left out: whole sessions, lines of other files, members of JSON."""

import json
from pathlib import Path
from typing import Any

import pytest

from client.capture.transcripts.left_out import LeftOut
from client.history.contents import content_of
from client.history.folders import without_folders
from tests.unit.client.local_files import local_file, nothing

LEFT_OUT = LeftOut(["/home/ann/secret"])


def lines(*values: Any) -> bytes:
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


def row(cwd: str | None, **more: Any) -> dict[str, Any]:
    return {"type": "user", "sessionId": "s", "uuid": "u"} | ({"cwd": cwd} if cwd else {}) | more


def kept(tmp_path: Path, content: bytes) -> bytes | None:
    """The part of a file with this content that is sent."""
    file = local_file(tmp_path / "file", content)
    found = content_of(file, nothing)
    assert any(LEFT_OUT.has(folder) for folder in found.folders)
    (tmp_path / "temporary").mkdir()
    rest = without_folders(file, found.kind, LEFT_OUT, tmp_path / "temporary")
    return None if rest is None else rest.path.read_bytes()


def test_a_session_that_began_there_is_not_sent(tmp_path: Path) -> None:
    assert kept(tmp_path, lines(row(None), row("/home/ann/secret/src"), row("/home/ann/shop"))) is None


def test_lines_are_left_out_that_were_written_there(tmp_path: Path) -> None:
    shop = row("/home/ann/shop")
    assert kept(tmp_path, lines(shop, row("/home/ann/secret"), row(None), shop)) == lines(shop) + b"\n\n" + lines(shop)


def test_a_folder_far_behind_the_beginning_of_a_file_is_found(tmp_path: Path) -> None:
    shop = lines(*[row("/home/ann/shop", text="x" * 1000)] * 3000)
    assert kept(tmp_path, shop + lines(row("/home/ann/secret"))) == shop + b"\n"


def test_prompts_of_the_history_are_left_out(tmp_path: Path) -> None:
    prompts = [
        {"display": f"in {folder}", "pastedContents": {}, "timestamp": 1, "project": folder}
        for folder in ("/home/ann/shop", "/home/ann/secret/a", "/home/ann/secretary")
    ]
    assert kept(tmp_path, lines(*prompts)) == lines(prompts[0], prompts[2])


def test_projects_of_claude_json_are_left_out(tmp_path: Path) -> None:
    state = {
        "numStartups": 3,
        "projects": {"/home/ann/shop": {"lastCost": 1}, "/home/ann/secret": {"lastCost": 2}},
        "githubRepoPaths": {"ann/secret": ["/home/ann/secret"], "ann/shop": ["/home/ann/shop"]},
    }
    rest = kept(tmp_path, json.dumps(state, indent=2).encode())
    assert rest is not None
    assert json.loads(rest) == state | {
        "projects": {"/home/ann/shop": {"lastCost": 1}},
        "githubRepoPaths": {"ann/secret": [], "ann/shop": ["/home/ann/shop"]},
    }


def test_sessions_of_an_index_are_left_out(tmp_path: Path) -> None:
    entries = [
        {"sessionId": name, "fullPath": f"/home/ann/.claude/projects/x/{name}.jsonl", "fileMtime": 1, "projectPath": folder}
        for name, folder in (("a", "/home/ann/shop"), ("b", "/home/ann/secret"))
    ]
    rest = kept(tmp_path, json.dumps({"version": 1, "entries": entries}).encode())
    assert rest is not None
    assert json.loads(rest)["entries"] == entries[:1]


@pytest.mark.parametrize("content", [lines(row("/home/ann/shop")), lines(row(None)), b'{"numStartups": 1, "projects": {}}'])
def test_other_files_are_sent_as_they_are(tmp_path: Path, content: bytes) -> None:
    found = content_of(local_file(tmp_path / "file", content), nothing)
    assert not any(LEFT_OUT.has(folder) for folder in found.folders)
