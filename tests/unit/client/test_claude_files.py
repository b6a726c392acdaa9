"""What is found under a path, by names alone; what must not be touched is not."""

import os
from pathlib import Path

from client.history.claude_files import default_paths, find
from tests.skips import needs


def write(path: Path, content: str = "{}\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def names(*paths: Path) -> list[str]:
    return [file.name for file in find(paths).files]


def test_of_a_folder_the_files_of_claude_code_are_found_with_names_below_it(tmp_path: Path) -> None:
    for name in (
        "history.jsonl",
        ".claude.json",
        "projects/-p/a.jsonl",
        "projects/-p/a/subagents/agent-1.jsonl",
        "projects/-p/sessions-index.json",
    ):
        write(tmp_path / name)
    for name in (
        "settings.json",
        ".credentials.json",
        ".claude.json.backup",
        "backups/.claude.json.backup.1789398960924",
        "file-history/s/a.jsonl",
        "projects/-p/a/tool-results/b.jsonl",
    ):
        write(tmp_path / name)

    assert names(tmp_path) == [
        ".claude.json",
        "history.jsonl",
        "projects/-p/a.jsonl",
        "projects/-p/sessions-index.json",
        "projects/-p/a/subagents/agent-1.jsonl",
    ]


def test_a_file_that_is_given_is_taken_whatever_its_name(tmp_path: Path) -> None:
    archive = write(tmp_path / "everything.zip")

    [file] = find([archive]).files

    assert (file.path, file.name, file.size, file.is_given) == (archive, "everything.zip", 3, True)


def test_what_is_given_twice_is_found_once(tmp_path: Path) -> None:
    transcript = write(tmp_path / "projects/-p/a.jsonl")
    assert len(find([tmp_path, tmp_path / "projects", transcript]).files) == 1


def test_credentials_are_not_opened_even_if_asked_for(tmp_path: Path) -> None:
    found = find([write(tmp_path / ".credentials.json")])
    assert found.files == []
    assert "credentials" in found.problems[0].reason


def test_links_out_of_the_folder_are_told_and_not_followed_and_links_inside_are_no_second_file(tmp_path: Path) -> None:
    outside = write(tmp_path / "outside/b.jsonl")
    root = tmp_path / "claude"
    inside = write(root / "projects/-p/a.jsonl")
    (root / "linked-folder").symlink_to(outside.parent, target_is_directory=True)
    (root / "linked.jsonl").symlink_to(outside)
    (root / "again.jsonl").symlink_to(inside)
    (root / "loop").symlink_to(root, target_is_directory=True)

    found = find([root])

    assert [file.path for file in found.files] == [inside]
    assert sorted(found.links_out) == [root / "linked-folder", root / "linked.jsonl"]


def test_a_folder_that_is_a_link_itself_is_followed(tmp_path: Path) -> None:
    write(tmp_path / "dotfiles/claude/projects/-p/a.jsonl")
    (tmp_path / ".claude").symlink_to(tmp_path / "dotfiles/claude", target_is_directory=True)
    assert names(tmp_path / ".claude") == ["projects/-p/a.jsonl"]


@needs("named pipes")
def test_what_is_no_regular_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jsonl")
    assert names(tmp_path) == []
    assert "neither" in find([tmp_path / "pipe.jsonl"]).problems[0].reason


def test_by_default_it_is_where_claude_code_keeps_its_data(tmp_path: Path) -> None:
    assert default_paths({}, tmp_path) == [tmp_path / ".claude", tmp_path / ".claude.json"]
    moved = tmp_path / "moved"
    assert default_paths({"CLAUDE_CONFIG_DIR": str(moved)}, tmp_path) == [moved, moved / ".claude.json"]
