"""Rows that other jobs have kept of a person: sums of dropped sessions, parts of projects, exports, keys of several. It goes with the person."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg

from services.worker.maintenance import rekey_projects
from services.worker.maintenance.jobs import run_job
from shared.events.messages import Activity, Conversation, SessionStart, ToolCall
from shared.jobs import RETENTION
from tests.integration.erasures.erasing import assert_sums_agree, erased, of_others, places_of
from tests.integration.keys.ownership.owners import AT, World
from tests.integration.worker.maintenance.projects_world import decide
from tests.integration.worker.statements import execute

HERS = ("ann-session-one", "ann-session-two", "/home/ann/shop", "/home/ann/shop-fix", "xylophone")


def say(world: World, user: str, session_id: str, path: str, words: str = "words") -> None:
    world.append(
        events=[
            SessionStart(id=uuid4(), session_id=session_id, project_path=path, user=user, start_time=AT),
            Conversation(id=uuid4(), session_id=session_id, role="user", content=words, timestamp=AT),
            ToolCall(id=uuid4(), session_id=session_id, tool_name="Bash", result_status="error", execution_time_ms=9, timestamp=AT),
            Activity(id=uuid4(), session_id=session_id, file_path=f"{path}/{words}.py", action="modified", lines_added=3, timestamp=AT),
        ]
    )
    world.settle()


def drop(world: World, user: str | None = None) -> None:
    """Retention drops the sessions of May: of everybody, or of a user."""
    execute(
        world.worker,
        "INSERT INTO retention_rules (what, days, user_id) VALUES ('sessions', 100, (SELECT id FROM users WHERE name = %s))",
        (user,),
    )
    run_id = uuid4()
    execute(world.worker, "INSERT INTO jobs (kind, id, is_dry_run) VALUES ('retention', %s, false)", (run_id,))
    while run_job(world.worker, RETENTION, run_id, 60):
        pass
    assert world.api.select("SELECT status FROM jobs") == [{"status": "succeeded"}]


def cells(world: World) -> dict[str, list[Any]]:
    """Those of bob, of all time."""
    wanted = "user_id = (SELECT id FROM users WHERE name = 'bob')"
    names = ("activity_rollups", "tool_rollups", "usage_rollups", "error_rollups", "active_days")
    return {name: world.api.select(f"SELECT to_jsonb(t)::text AS cell FROM {name} AS t WHERE {wanted} ORDER BY 1") for name in names}


def test_sums_of_dropped_sessions_go_with_the_person(world: World) -> None:
    say(world, "ann", HERS[0], "/home/ann/shop", "xylophone")
    say(world, "ann", "ann-in-common", "/common", "ann-file")
    say(world, "bob", "bob-in-common", "/common", "bob-file")
    drop(world)
    before = cells(world)
    assert before["activity_rollups"]
    assert places_of(world, "xylophone") == {"xylophone": ["files"]}

    found = erased(world, {"user": "ann"}, "ann")

    # Then only what counts for others is left of the base, and the sums agree with it
    assert places_of(world, *HERS) == {}
    assert cells(world) == before
    assert world.api.select("SELECT count(*) FROM base_sessions") == [{"count": 1}]
    assert world.api.select("SELECT sum(tool_calls)::int AS calls FROM base_activity_rollups") == [{"calls": 1}]
    assert_sums_agree(world.worker)
    # And the report says that files of a project that others share cannot be told apart
    assert found["remains"]["dropped files"].startswith("In 1 projects")
    assert world.api.select("SELECT path FROM projects") == [{"path": "/common"}]


def test_sums_of_dropped_sessions_go_with_the_project(world: World) -> None:
    say(world, "ann", HERS[0], "/home/ann/shop", "xylophone")
    say(world, "bob", "bob-one", "/bob")
    drop(world)
    before = cells(world)
    [project] = world.api.select("SELECT id FROM projects WHERE path = '/home/ann/shop'")

    erased(world, {"project_id": project["id"]}, "/home/ann/shop")

    assert places_of(world, "/home/ann/shop", "xylophone") == {}
    assert cells(world) == before
    assert_sums_agree(world.worker)


def test_a_dropped_session_is_erased_from_all_but_the_sums(world: World) -> None:
    say(world, "ann", HERS[0], "/home/ann/shop")
    drop(world, "ann")

    found = erased(world, {"session_id": HERS[0]}, HERS[0])

    assert "cannot be told apart" in found["remains"]["sums"]
    assert places_of(world, HERS[0]) == {}
    assert world.api.select("SELECT reason FROM tombstones") == [{"reason": "erased"}]
    assert_sums_agree(world.worker)


def merge(world: World, path: str, into: str) -> None:
    moved = decide(world.worker, path, into)
    while True:
        with world.worker.transaction() as connection:
            if not rekey_projects.move_some(connection, moved):
                return


def test_a_project_goes_with_its_parts(world: World) -> None:
    say(world, "ann", HERS[0], "/home/ann/shop")
    say(world, "ann", HERS[1], "/home/ann/shop-fix", "xylophone")
    say(world, "bob", "bob-one", "/bob")
    merge(world, "/home/ann/shop-fix", "/home/ann/shop")
    before = of_others(world)
    [project] = world.api.select("SELECT id FROM projects WHERE path = '/home/ann/shop'")

    erased(world, {"project_id": project["id"]}, "/home/ann/shop")

    assert places_of(world, *HERS) == {}
    assert of_others(world) == before
    assert_sums_agree(world.worker)

    # When a session begins in the part, then it stays out
    say(world, "ann", "ann-late", "/home/ann/shop-fix")
    assert places_of(world, "ann-late", "/home/ann/shop-fix") == {}


def test_a_part_goes_alone(world: World) -> None:
    say(world, "ann", HERS[0], "/home/ann/shop")
    say(world, "ann", HERS[1], "/home/ann/shop-fix", "xylophone")
    merge(world, "/home/ann/shop-fix", "/home/ann/shop")
    [part] = world.api.select("SELECT id FROM projects WHERE path = '/home/ann/shop-fix'")

    erased(world, {"project_id": part["id"]}, "/home/ann/shop-fix")

    assert places_of(world, "/home/ann/shop-fix", HERS[1], "xylophone") == {}
    assert places_of(world, HERS[0]).keys() == {HERS[0]}
    assert_sums_agree(world.worker)


def test_a_persons_part_of_a_project_of_others_goes_with_the_person(world: World) -> None:
    say(world, "bob", "bob-one", "/bob/shop")
    say(world, "ann", HERS[0], "/home/ann/shop", "xylophone")
    merge(world, "/home/ann/shop", "/bob/shop")
    before = cells(world)
    execute(world.worker, "INSERT INTO project_places (told_by, path, remote) VALUES ('m', '/home/ann/shop', 'github.com/a/b')")
    execute(
        world.worker, "INSERT INTO project_rules (pattern, project_id) SELECT '/home/ann/**', id FROM projects WHERE path = '/bob/shop'"
    )
    execute(
        world.worker,
        """INSERT INTO project_changes (project_id, who, before, after)
               SELECT id, 'rule', '{"group_name": null}', '{"group_name": "things of ann"}' FROM projects WHERE path = '/home/ann/shop'""",
    )

    erased(world, {"user": "ann"}, "ann")

    assert places_of(world, *HERS, "/home/ann") == {}
    assert world.api.select("SELECT path FROM projects") == [{"path": "/bob/shop"}]
    assert cells(world) == before
    assert_sums_agree(world.worker)


def test_keys_of_several_lose_the_person(world: World) -> None:
    say(world, "ann", HERS[0], "/home/ann/shop")
    with psycopg.connect(world.worker.settings.database_url) as connection:
        for name, names in (("two", ["ann", "bob"]), ("three", ["ann", "bob", "carl"]), ("others", ["bob", "carl"])):
            connection.execute(
                "INSERT INTO api_keys (id, name, sha256, scopes, user_names) VALUES (%s, %s, sha256(%s), '{read}', %s)",
                (name, f"key of {name}", name.encode(), names),
            )

    erased(world, {"user": "ann"}, "ann")

    found = world.api.select(
        "SELECT id, name, user_name, user_names, revoked_at FROM api_keys WHERE id IN ('two', 'three', 'others') ORDER BY 1"
    )
    assert found == [
        {"id": "others", "name": "key of others", "user_name": None, "user_names": ["bob", "carl"], "revoked_at": None},
        {"id": "three", "name": "key of three", "user_name": None, "user_names": ["bob", "carl"], "revoked_at": None},
        {"id": "two", "name": "key of two", "user_name": "bob", "user_names": None, "revoked_at": None},
    ]


def test_archives_of_exports_go(world: World) -> None:
    say(world, "ann", HERS[0], "/home/ann/shop")
    assert world.api.post(world.admin, "/api/exports", {"user": "ann"}).status_code == 202
    world.settle()
    assert world.api.select("SELECT blob_url IS NOT NULL AS is_written FROM exports") == [{"is_written": True}]
    [export] = world.api.select("SELECT blob_url FROM exports")
    archive = Path(urlsplit(export["blob_url"]).path)
    assert archive.is_file()

    erased(world, {"user": "ann"}, "ann")

    assert not archive.exists()
    assert world.api.select("SELECT blob_url FROM exports WHERE blob_url IS NOT NULL") == []
    assert places_of(world, '"ann"', ",ann,", "ann-session") == {}
