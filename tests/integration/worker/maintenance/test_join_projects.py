"""Which projects are one, by what machines say of folders and by rules about paths; and what a person decided stands."""

import json
from io import BytesIO
from typing import Any

import pytest

from services.worker.importers.formats.claude_json import read_claude_json
from services.worker.importers.job import undo
from services.worker.maintenance import join_projects
from services.worker.persist.records import Record, RepositorySeen
from services.worker.resources import Resources
from services.worker.sweep.scheduler import ONE_CALL, Looks
from shared.broker import Task
from shared.projects import merging
from tests.integration.worker.all_tables import differences
from tests.integration.worker.imports.files_of_sessions import add_job
from tests.integration.worker.maintenance.projects_world import decide, move_all, project_id
from tests.integration.worker.maintenance.sessions_of_users import session, store
from tests.integration.worker.statements import execute, select

GIT = "/w/shop/.git"
REMOTE = "github.com/acme/shop"


def begin(worker: Resources, *paths: str) -> None:
    for number, path in enumerate(paths):
        store(worker, session(path, "ann", number, path))


def tell(worker: Resources, machine: str, path: str, **place: Any) -> None:
    """The rows that ingest stores for PUT /api/machines/{id}/repositories."""
    columns = {"common_dir": None, "remote": None, "inside": "", "is_main": False} | place
    sql = """INSERT INTO project_places (told_by, path, common_dir, remote, inside, is_main)
             VALUES (%(machine)s, %(path)s, %(common_dir)s, %(remote)s, %(inside)s, %(is_main)s)
             ON CONFLICT (told_by, path_key) DO UPDATE SET remote = excluded.remote, common_dir = excluded.common_dir, judged_at = NULL"""
    execute(worker, sql, columns | {"machine": machine, "path": path})


def rule(worker: Resources, pattern: str, path: str) -> None:
    of = project_id(worker, path)
    execute(worker, "INSERT INTO project_rules (pattern, project_id) VALUES (%s, %s)", (pattern, of))


def join(worker: Resources) -> dict[str, tuple[str, str, str]]:
    """Applies the rules and moves; each part's path, with the path of its whole, the rule and what both have."""
    is_more = True
    while is_more:
        _, is_more = join_projects.run(worker)
    move_all(worker)
    assert differences(worker) == {}
    sql = """SELECT p.path, w.path, p.merged_by, p.merge_evidence FROM projects AS p JOIN projects AS w ON w.id = p.merged_into"""
    return {path: (whole, by, evidence) for path, whole, by, evidence in select(worker, sql)}


@pytest.mark.parametrize("order", [("/w/fix", "/w/shop", "/w/new"), ("/w/shop", "/w/new", "/w/fix"), ("/w/new", "/w/fix", "/w/shop")])
def test_worktrees_are_one_under_the_main_one_in_any_order_of_arrival(worker: Resources, order: tuple[str, ...]) -> None:
    for path in order:
        begin(worker, path)
        tell(worker, "laptop", path, common_dir=GIT, is_main=path == "/w/shop")
        join(worker)

    merged = join(worker)
    assert {path: whole for path, (whole, _, _) in merged.items()} == {"/w/fix": "/w/shop", "/w/new": "/w/shop"}
    assert {(by, evidence) for _, by, evidence in merged.values()} == {("worktree", GIT)}


def test_one_git_folder_on_two_machines_is_two(worker: Resources) -> None:
    """Paths of two machines may be equal by chance."""
    begin(worker, "/w/shop", "/w/fix")
    tell(worker, "laptop", "/w/shop", common_dir=GIT)
    tell(worker, "server", "/w/fix", common_dir=GIT)
    assert join(worker) == {}


def test_folders_within_are_one_only_with_the_same_folder(worker: Resources) -> None:
    begin(worker, "/w/shop", "/w/shop/api", "/w/fix", "/w/fix/api", "/c/api")
    for path in ("/w/shop", "/w/fix"):
        tell(worker, "laptop", path, common_dir=GIT, remote=REMOTE, is_main=path == "/w/shop")
        tell(worker, "laptop", f"{path}/api", common_dir=GIT, remote=REMOTE, inside="api", is_main=path == "/w/shop")
    tell(worker, "server", "/c/api", common_dir="/c/.git", remote=REMOTE, inside="api")

    merged = join(worker)

    assert merged == {
        "/w/fix": ("/w/shop", "worktree", GIT),
        "/w/fix/api": ("/w/shop/api", "worktree", GIT),
        "/c/api": ("/w/shop/api", "remote", REMOTE),
    }


def test_facts_that_come_before_the_first_session_are_used_with_it(worker: Resources, looks: Looks) -> None:
    begin(worker, "/w/shop")
    tell(worker, "laptop", "/w/shop", remote=REMOTE)
    tell(worker, "server", "/c/shop", remote=REMOTE)
    assert looks.abandoned_jobs() == {Task.JOIN_PROJECTS: ONE_CALL}
    assert join(worker) == {}
    # A machine's report of a folder without a session is no work that waits
    assert looks.abandoned_jobs() == {}

    begin(worker, "/c/shop")
    assert looks.abandoned_jobs() == {Task.JOIN_PROJECTS: ONE_CALL}

    assert join(worker) == {"/c/shop": ("/w/shop", "remote", REMOTE)}


def test_a_path_of_which_machines_say_different_remotes_is_no_clone(worker: Resources) -> None:
    begin(worker, "/w/shop", "/home/dev/app")
    tell(worker, "laptop", "/w/shop", remote=REMOTE)
    tell(worker, "one", "/home/dev/app", remote=REMOTE)
    tell(worker, "two", "/home/dev/app", remote="github.com/acme/other")
    assert join(worker) == {}


def test_what_a_person_decided_is_left(worker: Resources) -> None:
    begin(worker, "/w/shop", "/w/fix", "/w/apart", "/w/mine")
    decide(worker, "/w/fix", "/w/mine")
    execute(worker, "UPDATE projects SET is_kept_apart = true WHERE path = '/w/apart'")
    for path in ("/w/shop", "/w/fix", "/w/apart"):
        tell(worker, "laptop", path, common_dir=GIT, remote=REMOTE, is_main=path == "/w/shop")

    merged = join(worker)

    assert {path: (whole, by) for path, (whole, by, _) in merged.items()} == {"/w/fix": ("/w/mine", "hand")}


def test_no_rule_makes_a_private_project_part_of_one_that_is_not(worker: Resources) -> None:
    begin(worker, "/w/shop", "/w/fix", "/w/open")
    execute(worker, "UPDATE projects SET visibility = CASE path WHEN '/w/fix' THEN 'private' ELSE 'shared' END WHERE path <> '/w/open'")
    for path in ("/w/shop", "/w/fix", "/w/open"):
        tell(worker, "laptop", path, common_dir=GIT, remote=REMOTE, is_main=path == "/w/shop")

    merged = join(worker)

    # One without a word of its own follows its whole.
    assert merged.keys() == {"/w/open"}


def test_git_is_stronger_than_a_rule_about_paths_and_an_older_rule_than_a_newer(worker: Resources) -> None:
    begin(worker, "/w/shop", "/w/fix", "/x/shop-1", "/x/shop-2", "/y/shop")
    tell(worker, "laptop", "/w/shop", common_dir=GIT, is_main=True)
    tell(worker, "laptop", "/w/fix", common_dir=GIT)
    rule(worker, "/x/shop-*", "/w/shop")
    rule(worker, "/*/shop-2", "/y/shop")
    rule(worker, "/w/fix", "/y/shop")

    merged = join(worker)

    assert merged == {
        "/w/fix": ("/w/shop", "worktree", GIT),
        "/x/shop-1": ("/w/shop", "path_rule", "/x/shop-*"),
        "/x/shop-2": ("/w/shop", "path_rule", "/x/shop-*"),
    }
    # A later project of such a path too
    begin(worker, "/x/shop-3")
    assert join(worker)["/x/shop-3"] == ("/w/shop", "path_rule", "/x/shop-*")


def test_two_rules_that_name_each_other_make_no_circle(worker: Resources) -> None:
    begin(worker, "/a/one", "/a/two")
    rule(worker, "/a/one", "/a/two")
    rule(worker, "/a/two", "/a/one")
    assert join(worker) == {"/a/one": ("/a/two", "path_rule", "/a/one")}


def test_no_rule_shows_a_bound_key_more(worker: Resources) -> None:
    begin(worker, "/w/shop", "/w/fix")
    of = project_id(worker, "/w/fix")
    sql = "INSERT INTO api_keys (id, name, sha256, scopes, project_ids) VALUES ('abcdefghijkl', 'ci', sha256('x'), '{read}', %s)"
    execute(worker, sql, ([of],))
    for path in ("/w/shop", "/w/fix"):
        tell(worker, "laptop", path, common_dir=GIT, is_main=path == "/w/shop")
    assert join(worker) == {}


def test_the_reason_and_the_change_are_kept(worker: Resources) -> None:
    begin(worker, "/w/shop", "/w/fix")
    for path in ("/w/shop", "/w/fix"):
        tell(worker, "laptop", path, common_dir=GIT, remote=REMOTE, is_main=path == "/w/shop")
    join(worker)
    [(who, before, after)] = select(worker, "SELECT who, before, after FROM project_changes")
    repositories = select(worker, "SELECT DISTINCT repository FROM projects")
    assert (who, before["part_of"], after["merged_by"], after["merge_evidence"]) == ("rule", None, merging.WORKTREE, GIT)
    assert after["part_of"] == project_id(worker, "/w/shop")
    assert repositories == [(REMOTE,)]


def test_a_claude_json_says_which_folders_are_clones_until_its_undo(worker: Resources) -> None:
    content = {
        "githubRepoPaths": {
            "Acme/Shop": ["/w/shop", "/w/copy/", "C:\\src\\shop"],
            "not a repository": ["/w/x"],
            "acme/other": ["relative", 7, {"path": "/w/y"}, ["/w/z"]],
        },
        "projects": {"/w/shop": {}, "/w/copy": {}},
    }
    read = [record for record in read_claude_json(BytesIO(json.dumps(content).encode()), user="ann") if isinstance(record, Record)]
    assert [record.path for record in read if isinstance(record, RepositorySeen)] == ["/w/shop", "/w/copy", "C:/src/shop"]
    with worker.transaction() as connection:
        number = add_job(connection)
    store(worker, read, number)

    assert join(worker) == {"/w/shop": ("/w/copy", "remote", REMOTE)}

    with worker.transaction() as connection:
        undo.clear_up(connection, number)
        assert connection.execute("SELECT count(*) FROM project_places").fetchone() == (0,)
