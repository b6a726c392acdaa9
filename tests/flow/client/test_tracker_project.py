"""`tracker project` against the real API: merge, split, undo, names, groups and the archive, and the report by group."""

from pathlib import Path
from uuid import uuid4

import pytest

from tests.flow.conftest import Ask, Run, Stack
from tests.flow.connect.shippers import project_at, session, wait_for


@pytest.fixture
def ask(tracker: Run) -> Ask:
    def run(*arguments: str | Path) -> str:
        done = tracker(*arguments, COLUMNS="200")
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_projects_are_merged_told_and_taken_apart(stack: Stack, tracker: Run, ask: Ask, tmp_path: Path) -> None:
    here = tmp_path / uuid4().hex[:8]
    shop, fix = here / "shop", here / "shop-fix"
    session(stack, shop)
    session(stack, fix)

    # When one is merged into the other by the ends of their paths
    said = ask("project", "merge", f"{here.name}/shop-fix", f"{here.name}/shop")
    shop_id, fix_id = project_at(stack, shop)["id"], project_at(stack, fix)["id"]
    assert f"{fix_id} shop-fix, part of {shop_id}." in said
    wait_for(lambda: project_at(stack, shop)["total_sessions"] == 2)

    shown = ask("project", "show", f"{here.name}/shop")
    assert f"Also {fix} ({fix_id}). A person merged them." in shown
    assert str(fix) not in ask("projects")
    assert "Part of" in ask("project", "show", f"{here.name}/shop-fix")

    # Then an undo takes it out
    ask("project", "undo", str(fix_id))
    wait_for(lambda: project_at(stack, shop)["total_sessions"] == 1)
    refused = tracker("project", "undo", str(fix_id))
    assert refused.returncode == 1
    assert "not undone" in refused.stderr


def test_names_groups_and_the_archive_show_in_lists_and_reports(stack: Stack, ask: Ask, tmp_path: Path) -> None:
    folder, group = tmp_path / uuid4().hex[:8], f"group-{uuid4().hex[:8]}"
    session(stack, folder)
    project = str(project_at(stack, folder)["id"])

    assert "Web shop" in ask("project", "rename", project, "Web shop")
    ask("project", "group", project, group)

    assert group in ask("projects", "--group", group)
    assert group in ask("report", "--by", "group")
    ask("project", "archive", project)
    assert ask("projects", "--group", group).strip().startswith("No projects")
    assert "Web shop" in ask("projects", "--group", group, "--archived")
    for _ in range(3):
        ask("project", "undo", project)
    told = project_at(stack, folder)
    assert (told["name"], told["group"], told["archived"]) == (folder.name, None, False)


def test_a_project_is_shared_and_made_private(stack: Stack, ask: Ask, tmp_path: Path) -> None:
    folder = tmp_path / uuid4().hex[:8]
    session(stack, folder)
    project = str(project_at(stack, folder)["id"])

    assert "TRACKER_SESSIONS" in ask("project", "show", project)
    assert ", shared." in ask("project", "share", project)
    assert "read by all" in ask("project", "show", project)
    assert ", private." in ask("project", "private", project)
    assert "visibility by" in ask("project", "show", project)
    assert project_at(stack, folder)["visibility"] == "private"
    ask("project", "undo", project)
    ask("project", "share", project, "--as-server")
    assert project_at(stack, folder)["visibility"] is None
