"""Names of Claude Code's folders, and which files of a server may be written there."""

from pathlib import Path

import pytest

from client.resume.claude_folder import folders_in, is_safe, name_of_project, path_of, projects_folder

LONG = "/tmp/gx/run4/a/" + "/".join(["long" * 20] * 4)
SESSION = "5f1c2d3e-0000-4000-8000-000000000001"


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("/home/ann/shop", "-home-ann-shop"),
        ("/home/ann/my.shop_2 b", "-home-ann-my-shop-2-b"),
        ("/home/ann/ümlaut", "-home-ann--mlaut"),
        ("/home/ann/u\u0308", "-home-ann-u-"),
        ("/home/ann/emoji-😀x", "-home-ann-emoji---x"),
        ("C:\\Users\\ann", "C--Users-ann"),
        # As Claude Code 2.1.197 named it
        (LONG, f"-tmp-gx-run4-a-{'-'.join(['long' * 20] * 4)}"[:200] + "-q1zelu"),
    ],
)
def test_a_folder_has_the_name_that_claude_code_gives_it(folder: str, name: str) -> None:
    assert name_of_project(folder) == name


def test_transcripts_are_in_the_config_folder_if_one_is_set() -> None:
    assert projects_folder({}, Path("/home/ann")) == Path("/home/ann/.claude/projects")
    assert projects_folder({"CLAUDE_CONFIG_DIR": "/etc/claude"}, Path("/home/ann")) == Path("/etc/claude/projects")


@pytest.mark.parametrize("file", [f"{SESSION}.jsonl", "subagents/agent-a1.jsonl", "subagents/workflows/wf_1/agent-a1.jsonl"])
def test_files_of_a_session_may_be_written(file: str) -> None:
    assert is_safe(SESSION, file)
    assert path_of(Path("/p"), SESSION, file).is_relative_to("/p")


@pytest.mark.parametrize(
    "file",
    [
        *("", ".", "..", "/etc/x.jsonl", "../x.jsonl", "subagents/../../x.jsonl", "subagents//x.jsonl", "./x.jsonl", "a\\..\\x.jsonl"),
        *(
            "x.jsonl",
            "subagents/x.sh",
            "subagents/.x.jsonl",
            "C:/x.jsonl",
            "subagents/x\n.jsonl",
            "a/b/c/d/e/f/g.jsonl",
            "subagents/x.jsonl/",
        ),
    ],
)
def test_no_other_file_may_be_written(file: str) -> None:
    assert not is_safe(SESSION, file)


@pytest.mark.parametrize("session_id", ["", "..", ".hidden", "a/b", "a\\b", "a\n", "é"])
def test_a_session_whose_id_is_no_file_name_is_not_written(session_id: str) -> None:
    assert not is_safe(session_id, f"{session_id}.jsonl")


def test_the_folders_of_a_transcript_are_given_once_in_their_order(tmp_path: Path) -> None:
    lines = ['{"type":"mode"}', '{"cwd":"/a"}', 'no json "cwd"', '{"cwd":null}', '{"cwd":"/a/b"}', '{"cwd":"/a"}', '["cwd"]', '{"x":"cwd"}']
    (tmp_path / "t.jsonl").write_text("\n".join(lines))
    assert list(folders_in(tmp_path / "t.jsonl")) == ["/a", "/a/b"]
