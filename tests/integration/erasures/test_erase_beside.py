"""Data that belongs to no stored event is erased too: by the id in each table, by the person of a key, by the time of a range, and after an undo."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from services.worker.session_tables import session_tables
from shared.events.messages import Binding, Conversation, HookPayload, SessionEnd, SessionStart
from tests.integration.erasures.erasing import erased, places_of
from tests.integration.keys.ownership.owners import ANNS, AT, World, conversation
from tests.integration.worker.all_tables import differences
from tests.integration.worker.session_rows import add_row, tables_of

HOUR = timedelta(hours=1)
RANGE = {"session_id": "s", "from": (AT + HOUR).isoformat(), "to": (AT + 2 * HOUR).isoformat()}


def add_letter(world: World, payload: Any, bound_user: str | None = None) -> UUID:
    """A dead letter of an event, or of the bytes of an entry."""
    body = payload if isinstance(payload, bytes) else msgspec.json.encode(payload)
    bound = json.dumps(msgspec.to_builtins(Binding(user=bound_user))) if bound_user else None
    [row] = world.api.select(
        """INSERT INTO dead_letters (event_id, kind, reason, payload, journal_entry_id, received_at, bound)
           VALUES (gen_random_uuid(), 'conversation', 'x', %s, %s, now(), %s::jsonb) RETURNING id""",
        body, str(uuid4()), bound,
    )  # fmt: skip
    letter_id: UUID = row["id"]
    return letter_id


def said(at: Any, session_id: str = "s") -> dict[str, Any]:
    return {"type": "conversation", "id": str(uuid4()), "session_id": session_id, "content": "secret", "role": "user", "timestamp": at}


def letters(world: World) -> set[UUID]:
    return {row["id"] for row in world.api.select("SELECT id FROM dead_letters")}


def test_an_erased_session_leaves_no_row_in_any_table(world: World) -> None:
    # Given a session with a row in each table that has the id of one
    world.append(events=[SessionStart(id=uuid4(), session_id="s", project_path="/p", user="ann", start_time=AT)])
    world.settle()
    with world.worker.transaction() as connection:
        for table in session_tables().keys() - tables_of(connection, "s"):
            add_row(connection, table, "s")
        assert tables_of(connection, "s") >= session_tables().keys()

    erased(world, {"session_id": "s"}, "s")

    with world.worker.connection() as connection:
        assert tables_of(connection, "s") == set()


def test_the_tombstones_of_an_erased_person_do_not_say_that_they_are_one_persons(world: World) -> None:
    world.append(events=[SessionStart(id=uuid4(), session_id=each, project_path="/p", user="ann", start_time=AT) for each in ("s", "t")])
    world.settle()

    erased(world, {"user": "ann"}, "ann")

    found = world.api.select("SELECT kind, user_id, project_id FROM tombstones ORDER BY kind")
    assert [tuple(row.values()) for row in found] == [("session", None, None)] * 2 + [("user", None, None)]


def test_a_dead_letter_that_a_persons_key_brought_goes_with_the_person(world: World) -> None:
    # Given letters that name nobody, by keys of ann and of bob, and by a key of nobody
    world.api.select("INSERT INTO users (name) VALUES ('ann') RETURNING id")
    by_ann, by_bob, by_nobody = (add_letter(world, said(AT.isoformat(), "unknown"), user) for user in ("ann", "bob", None))

    found = erased(world, {"user": "ann"}, "ann")

    assert found["counts"]["dead_letters"] == 1
    assert letters(world) == {by_bob, by_nobody}
    assert by_ann not in letters(world)


def test_a_range_takes_the_dead_letters_of_its_time(world: World) -> None:
    # Given letters of the session within the range, beside it, and of a time that cannot be told
    world.append(events=[SessionStart(id=uuid4(), session_id="s", project_path="/p", start_time=AT)])
    world.settle()
    within, before, behind = (AT + HOUR).isoformat(), AT.isoformat(), (AT + 2 * HOUR).isoformat()
    hook = HookPayload(id=uuid4(), session_id="s", payload='{"session_id": "s"}', occurred_at=AT)
    gone = {
        add_letter(world, said(within)),
        add_letter(world, said("2026-13-01T00:00:00Z")),
        add_letter(world, {"type": "facts", "session_id": "s", "started_at": before, "ended_at": behind}),
        add_letter(world, {"events": [said(before), said(within)]}),
        add_letter(world, b'{"session_id": "s", '),
    }
    kept = {
        add_letter(world, said(before)),
        add_letter(world, said(behind)),
        add_letter(world, hook),
        add_letter(world, {"events": [said(before), said(within, "another")]}),
        add_letter(world, said(within, "another")),
    }

    found = erased(world, RANGE, "s")

    assert found["counts"]["dead_letters"] == len(gone)
    assert letters(world) == kept


def test_a_range_takes_the_end_of_a_session_and_leaves_its_begin(world: World) -> None:
    # Given a session that began before a range, one that began in it, and an end in it
    for session_id, begun in (("s", AT), ("t", AT + HOUR)):
        world.append(
            events=[
                SessionStart(id=uuid4(), session_id=session_id, project_path="/p", start_time=begun, git_branch="main"),
                Conversation(id=uuid4(), session_id=session_id, role="user", content="before", timestamp=AT),
                SessionEnd(id=uuid4(), session_id=session_id, end_time=AT + HOUR),
            ]
        )
    world.settle()

    for session_id in ("s", "t"):
        erased(world, RANGE | {"session_id": session_id}, session_id)

    found = world.api.select("SELECT session_id, kind FROM session_events ORDER BY 1")
    assert [tuple(row.values()) for row in found] == [("s", "start"), ("t", "start")]
    assert world.api.select("SELECT git_branch, ended_at FROM sessions") == [{"git_branch": "main", "ended_at": None}] * 2
    assert differences(world.worker) == {}


@pytest.fixture
def undone(world: World) -> World:
    """An import of a session of ann, with a note on it, is undone."""
    ann, both = world.api.key("ingest", user="ann"), world.api.key("ingest", "read")
    job = world.upload(ann, f"{ANNS}.jsonl", conversation(ANNS, "/home/ann/x", AT, "words")).json()["job_id"]
    world.settle()
    assert world.api.ask(both, "PATCH", f"/api/sessions/{ANNS}", json={"note": "paraboloid"}).status_code == 200
    assert world.api.ask(world.admin, "DELETE", f"/api/import/jobs/{job}").status_code == 202
    world.settle()
    with world.worker.connection() as connection:
        assert tables_of(connection, ANNS) == {"session_marks"}
    return world


def of_ann(_: World) -> tuple[dict[str, Any], str]:
    return {"user": "ann"}, "ann"


def of_the_project(world: World) -> tuple[dict[str, Any], str]:
    return {"project_id": world.api.select("SELECT id FROM projects WHERE path = '/home/ann/x'")[0]["id"]}, "/home/ann/x"


def of_the_session(_: World) -> tuple[dict[str, Any], str]:
    return {"session_id": ANNS}, ANNS


@pytest.mark.parametrize("what", [of_ann, of_the_project, of_the_session])
def test_marks_that_an_undo_left_are_erased(undone: World, what: Any) -> None:
    erased(undone, *what(undone))

    assert places_of(undone, ANNS, "paraboloid") == {}
