"""Finding Claude Code's files below a path, by name alone; files that must not be touched stay closed."""

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


def test_folder_search_finds_claude_code_files_with_relative_names(tmp_path: Path) -> None:
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


def test_a_file_given_by_path_is_accepted_under_any_name(tmp_path: Path) -> None:
    archive = write(tmp_path / "everything.zip")

    [file] = find([archive]).files

    assert (file.path, file.name, file.size, file.is_given) == (archive, "everything.zip", 3, True)


def test_a_path_given_twice_is_found_once(tmp_path: Path) -> None:
    transcript = write(tmp_path / "projects/-p/a.jsonl")
    assert len(find([tmp_path, tmp_path / "projects", transcript]).files) == 1


def test_credentials_are_never_opened_even_when_given_by_path(tmp_path: Path) -> None:
    found = find([write(tmp_path / ".credentials.json")])
    assert found.files == []
    assert "credentials" in found.problems[0].reason


def test_symlinks_out_of_the_folder_are_reported_and_not_followed(tmp_path: Path) -> None:
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


def test_a_root_folder_that_is_a_symlink_is_followed(tmp_path: Path) -> None:
    write(tmp_path / "dotfiles/claude/projects/-p/a.jsonl")
    (tmp_path / ".claude").symlink_to(tmp_path / "dotfiles/claude", target_is_directory=True)
    assert names(tmp_path / ".claude") == ["projects/-p/a.jsonl"]


@needs("named pipes")
def test_named_pipes_are_skipped_without_blocking(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jsonl")
    assert names(tmp_path) == []
    assert "neither" in find([tmp_path / "pipe.jsonl"]).problems[0].reason


def test_default_paths_are_where_claude_code_keeps_its_data(tmp_path: Path) -> None:
    assert default_paths({}, tmp_path) == [tmp_path / ".claude", tmp_path / ".claude.json"]
    moved = tmp_path / "moved"
    assert default_paths({"CLAUDE_CONFIG_DIR": str(moved)}, tmp_path) == [moved, moved / ".claude.json"]
