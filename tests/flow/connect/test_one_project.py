"""Worktrees, clones, two machines, a renamed folder: real git folders, through the client and the door, are one project; and why is told."""

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from client.capture.repositories import Repositories
from client.http.connection import Connection
from services.worker.maintenance.verify import verify
from tests.flow.conftest import Stack
from tests.flow.connect.shippers import project_at, session, wait_for
from tests.integration.worker.imports.files_of_sessions import GAP
from tests.unit.client.capture.git_folders import repository, worktree


@pytest.fixture
def remote() -> str:
    """A repository's address, which this test alone has."""
    return f"git.example.org/acme/{uuid4().hex}"


def tell(stack: Stack, machine_id: str, *folders: Path) -> None:
    """The shipper's message after its report."""
    known = Repositories()
    known.look_at(map(str, folders))
    connection = Connection(str(stack.http.base_url), None)
    answer = known.tell(connection, machine_id)
    connection.close()
    assert answer is not None
    assert answer.status == 200, answer.message


def is_settled(stack: Stack, folder: Path) -> Callable[[], bool]:
    """Whether a folder's project is part of another, and its sessions count there."""

    def check() -> bool:
        part = project_at(stack, folder)["part_of"]
        return part is not None and not part["is_moving"]

    return check


def differences(stack: Stack) -> dict[str, int]:
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        return {name: cells for name, cells in verify(connection, GAP).items() if cells}


def test_worktrees_of_one_git_folder_are_one_project(stack: Stack, tmp_path: Path) -> None:
    shop = repository(tmp_path / "shop")
    fix = worktree(shop, tmp_path / "shop-fix", "fix")
    # The worktree is known first, and the main working tree gives the name all the same
    sessions = {session(stack, fix), session(stack, shop)}

    tell(stack, "laptop", fix, shop)
    wait_for(is_settled(stack, fix))

    whole = project_at(stack, shop)
    [part] = whole["parts"]
    assert (whole["name"], whole["total_sessions"], whole["merged_into"]) == ("shop", 2, None)
    assert (part["path"], part["merged_by"], part["because"]) == (str(fix), "worktree", f"Both are worktrees of {shop / '.git'}.")
    listed = stack.http.get(f"/api/sessions?project_id={whole['id']}").json()["items"]
    assert {item["session_id"] for item in listed} == sessions
    # A new session of the worktree counts there at once
    started = stack.http.post("/api/sessions/start", json={"project_path": str(fix)}).json()
    assert started["project_id"] == whole["id"]
    assert differences(stack) == {}


def test_clones_on_two_machines_are_one_project(stack: Stack, tmp_path: Path, remote: str) -> None:
    here = repository(tmp_path / "laptop" / "shop", f"git@{remote.replace('/', ':', 1)}.git")
    there = repository(tmp_path / "server" / "shop", f"https://ann:secret@{remote}")
    session(stack, here)
    session(stack, there)
    session(stack, there / "api")

    tell(stack, "laptop", here)
    tell(stack, "server", there, there / "api")
    wait_for(is_settled(stack, there))

    whole = project_at(stack, here)
    [part] = whole["parts"]
    assert (part["path"], part["merged_by"], part["because"]) == (str(there), "remote", f"Both are clones of {remote}.")
    assert (whole["total_sessions"], whole["repository"]) == (2, remote)
    # Another folder within it is another project of the same repository
    inside = project_at(stack, there / "api")
    assert (inside["merged_into"], inside["repository"]) == (None, remote)
    ours = stack.http.get("/api/projects", params={"repository": remote}).json()
    assert {each["id"] for each in ours} == {whole["id"], inside["id"]}
    assert stack.select("SELECT count(*) FROM project_places WHERE remote LIKE '%secret%' OR path LIKE '%secret%'") == [(0,)]
    assert differences(stack) == {}


def test_a_renamed_folder_is_the_same_project_and_an_undo_stays(stack: Stack, tmp_path: Path, remote: str) -> None:
    before = repository(tmp_path / "shop", f"https://{remote}.git")
    session(stack, before)
    tell(stack, "laptop", before)
    after = tmp_path / "web-shop"
    before.rename(after)
    session(stack, after)

    tell(stack, "laptop", after)
    wait_for(is_settled(stack, after))
    old = project_at(stack, before)
    assert old["total_sessions"] == 2

    # When a person takes it out again, no rule merges it, whatever the machine says
    new_id = project_at(stack, after)["id"]
    assert stack.http.post(f"/api/projects/{new_id}/undo", json={}).status_code == 202
    wait_for(lambda: project_at(stack, after)["total_sessions"] == 1)
    (after / ".git" / "config").write_text(f'[remote "origin"]\n\turl = ssh://git@{remote}\n[core]\n')
    tell(stack, "laptop-2", after)
    wait_for(
        lambda: (
            stack.select("SELECT count(*) FROM project_places AS t JOIN projects AS p USING (path_key) WHERE t.judged_at IS NULL") == [(0,)]
        )
    )

    told = project_at(stack, after)
    assert (told["merged_into"], told["kept_apart"], told["total_sessions"]) == (None, True, 1)
    assert project_at(stack, before)["total_sessions"] == 1
    assert differences(stack) == {}
