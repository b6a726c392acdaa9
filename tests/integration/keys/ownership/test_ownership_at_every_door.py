"""A session belongs to its owner: whatever a key of another user, or of another project, sends by whichever way, the session stays what it was."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2 as httpx
import psycopg
import pytest

from shared.events.messages import (
    Binding,
    Conversation,
    Event,
    HookPayload,
    SessionStart,
    TranscriptRange,
)
from shared.events.readings import Reading, ReadingBody, SessionFile, StatusLine
from tests.integration.conftest import OpenWorker
from tests.integration.keys.conftest import is_error, running
from tests.integration.keys.ownership.owners import ANNS, AT, BOBS, EARLIER, LIVE, World, conversation
from tests.integration.worker.capture.captured import put_range
from tests.telemetry import event, logs, metric, metrics, point


@pytest.fixture
def world(open_worker: OpenWorker, database_url: str, redis_url: str, tmp_path: Path, admin: str) -> Iterator[World]:
    """Ann's sessions, one captured and one by the API, and a session of bob's."""
    archive = (tmp_path / "archive").as_uri()
    worker = open_worker(claim_idle_ms=100, archive_url=archive)
    with running(database_url, redis_url, tmp_path / "blobs", "keys", archive_url=archive) as api:
        world = World(api, worker, admin)
        ann, bob = api.key("ingest", user="ann"), api.key("ingest", user="bob")
        assert world.put(ann, ANNS, conversation(ANNS, "/ann", AT, "words of ann"), machine="ann-laptop").status_code == 200
        machine = {"name": "ann's laptop"}
        assert api.ask(ann, "PUT", "/api/machines/ann-laptop", json=machine).status_code == 200
        start = {"session_id": LIVE, "project_path": "/ann", "start_time": AT.isoformat()}
        assert api.post(ann, "/api/sessions/start", start).status_code == 201
        said = {"session_id": LIVE, "role": "user", "content": "words of ann", "timestamp": AT.isoformat()}
        assert api.post(ann, "/api/conversations", said).status_code == 201
        assert (
            api.post(bob, "/api/sessions/start", {"session_id": BOBS, "project_path": "/bob", "start_time": AT.isoformat()}).status_code
            == 201
        )
        world.settle()
        yield world


def hook(session_id: str, event: str, **more: Any) -> dict[str, Any]:
    at = EARLIER.isoformat()
    return {"session_id": session_id, "hook_event_name": event, "cwd": "/bob", "tracker_at": at, **more}


HOOKS = [
    {"hook_event_name": "SessionStart", "source": "startup"},
    {"hook_event_name": "UserPromptSubmit", "prompt": "words of bob"},
    {"hook_event_name": "Notification", "notification_type": "permission_prompt", "message": "words of bob"},
    {"hook_event_name": "SessionEnd", "reason": "logout"},
]
EVENTS: dict[str, dict[str, Any]] = {
    "session_start": {"project_path": "/bob", "start_time": EARLIER.isoformat()},
    "conversation": {"role": "user", "content": "words of bob", "timestamp": EARLIER.isoformat()},
    "activity": {"file_path": "/ann/a.py", "action": "created", "timestamp": EARLIER.isoformat()},
    "tool_call": {"tool_name": "Bash", "result_status": "error", "timestamp": EARLIER.isoformat()},
    "session_end": {},
}
PATHS = {
    "session_start": "/api/sessions/start",
    "conversation": "/api/conversations",
    "activity": "/api/activities",
    "tool_call": "/api/tool-calls",
    "session_end": "/api/sessions/end",
}
FOREIGN = conversation(ANNS, "/bob", EARLIER, "words of bob, which are longer than those of ann")


def one_by_one(world: World, key: str) -> list[httpx.Response]:
    return [
        world.api.post(key, PATHS[kind], body | {"session_id": session_id}) for kind, body in EVENTS.items() for session_id in (LIVE, ANNS)
    ]


def in_a_batch(world: World, key: str) -> list[httpx.Response]:
    items = [body | {"type": kind, "session_id": session_id} for kind, body in EVENTS.items() for session_id in (LIVE, ANNS)]
    answer = world.api.post(key, "/api/events", items).json()
    codes = {"FORBIDDEN"} if binding_of(world, key).user else {"FORBIDDEN", "SESSION_NOT_FOUND"}
    assert (answer["accepted"], len(answer["rejected"])) == (0, len(items)), answer
    assert {each["code"] for each in answer["rejected"]} <= codes
    return []


def by_a_journal_that_did_not_know(world: World, key: str) -> None:
    world.append(bound=binding_of(world, key), events=events_of_bob())


def events_of_bob() -> list[Event]:
    return [
        event
        for number, session_id in enumerate((LIVE, ANNS))
        for event in (
            SessionStart(id=UUID(int=10 + number), session_id=session_id, project_path="/bob", user="bob", start_time=EARLIER),
            Conversation(id=UUID(int=20 + number), session_id=session_id, role="user", content="words of bob", timestamp=EARLIER),
        )
    ]


def by_hooks(world: World, key: str) -> list[httpx.Response]:
    return [world.api.post(key, "/api/hooks", hook(session_id, **each)) for each in rehung(HOOKS) for session_id in (LIVE, ANNS)]


def rehung(hooks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {"event": each["hook_event_name"]} | {name: value for name, value in each.items() if name != "hook_event_name"} for each in hooks
    ]


def by_a_journal_of_hooks(world: World, key: str) -> None:
    payloads = [hook(ANNS, **each) for each in rehung(HOOKS)]
    world.append(
        hooks=[
            HookPayload(
                id=UUID(int=30 + number),
                session_id=ANNS,
                payload=json.dumps(payload),
                occurred_at=EARLIER,
                machine_id="bob-laptop",
                user="bob",
                bound_user="bob",
            )
            for number, payload in enumerate(payloads)
        ]
    )


def by_readings(world: World, key: str) -> list[httpx.Response]:
    at = {"read_at": EARLIER.isoformat(), "machine_id": "bob-laptop"}
    readings = [
        {"type": "status_line", "session_id": LIVE, "cost": {"total_cost_usd": 99}} | at,
        {"type": "session_file", "session_id": LIVE, "pid": 1, "is_alive": False} | at,
        {"type": "rate_limit_event", "session_id": LIVE, "windows": []} | at,
    ]
    answer = world.api.post(key, "/api/readings", readings).json()
    assert (answer["accepted"], [each["code"] for each in answer["rejected"]]) == (0, ["FORBIDDEN"] * 3), answer
    return []


def by_a_journal_of_readings(world: World, key: str) -> None:
    bodies: list[ReadingBody] = [
        StatusLine(session_id=ANNS, read_at=EARLIER, machine_id="bob-laptop", user="bob"),
        SessionFile(session_id=ANNS, pid=1, is_alive=False, read_at=EARLIER, machine_id="bob-laptop", user="bob"),
        SessionFile(session_id=LIVE, pid=1, is_alive=False, read_at=EARLIER, machine_id="ann-laptop", user="bob"),
    ]
    world.append(readings=[Reading(id=UUID(int=40 + number), body=body, bound_user="bob") for number, body in enumerate(bodies)])


def by_a_new_file(world: World, key: str) -> list[httpx.Response]:
    return [
        world.put(key, ANNS, FOREIGN, machine="bob-laptop"),
        world.put(key, ANNS, FOREIGN, machine="bob-laptop", end=len(FOREIGN) + 2**30),
        world.put(key, ANNS, FOREIGN, machine="bob-laptop", generation=999),
        world.put(key, ANNS, FOREIGN, machine="ann-laptop", file="subagents/agent-1.jsonl"),
        world.put(key, ANNS, FOREIGN, machine="ann-laptop", generation=1),
        world.put(key, LIVE, FOREIGN, machine="-"),
    ]


def by_telemetry(world: World, key: str) -> None:
    """The door does not ask whose a session is: an exporter is answered at once."""
    for session_id in (ANNS, LIVE):
        told = [
            event("tool_result", 1, session=session_id, tool_use_id="toolu_1", duration_ms="1"),
            event("tool_decision", 2, session=session_id, tool_use_id="toolu_1", decision="reject", source="user_reject"),
        ]
        assert world.api.post(key, "/v1/logs", logs(*told)).status_code == 200
        points = metric("commit.count", point(9.0, session=session_id))
        assert world.api.post(key, "/v1/metrics", metrics(points)).status_code == 200


def by_a_journal_of_ranges(world: World, key: str) -> None:
    size = len(FOREIGN)
    world.append(
        ranges=[
            TranscriptRange(
                session_id=ANNS,
                file_name=f"{ANNS}.jsonl",
                start_offset=0,
                end_offset=size + 2**30,
                content=FOREIGN.decode(),
                machine_id=machine,
                generation=generation,
                user="bob",
                bound_user="bob",
            )
            for machine, generation in (("bob-laptop", 0), ("ann-laptop", 7))
        ]
    )


def by_anns_machine(world: World, key: str) -> list[httpx.Response]:
    report = world.api.ask(key, "PUT", "/api/machines/ann-laptop", json={"name": "bob's"})
    return [report, world.put(key, BOBS, conversation(BOBS, "/bob", AT, "x"), machine="ann-laptop")]


def by_an_import(world: World, key: str) -> None:
    assert world.upload(key, f"{ANNS}.jsonl", FOREIGN).status_code in (200, 202)


def by_an_import_of_a_fork(world: World, key: str) -> None:
    """Its session would have the better claim to the copies."""
    assert world.upload(key, f"{BOBS}.jsonl", conversation(BOBS, "/bob", AT, "words of bob, longer than ann's")).status_code in (200, 202)


def by_an_import_of_prompts(world: World, key: str) -> None:
    prompts = [{"display": "words of bob", "timestamp": 1_746_000_000_000, "project": "/ann", "sessionId": each} for each in (ANNS, LIVE)]
    content = "".join(json.dumps(prompt) + "\n" for prompt in prompts).encode()
    assert world.upload(key, "history.jsonl", content).status_code in (200, 202)


def by_an_import_of_claude_json(world: World, key: str) -> None:
    project = {"lastSessionId": LIVE, "lastCost": 99.5, "lastDuration": 10**9, "lastTotalInputTokens": 10**6, "history": [{"display": "x"}]}
    assert world.upload(key, "claude.json", json.dumps({"projects": {"/ann": project}}).encode()).status_code in (200, 202)


def by_marks(world: World, key: str) -> list[httpx.Response]:
    return [world.api.ask(key, "PATCH", f"/api/sessions/{each}", json={"note": "words of bob"}) for each in (ANNS, LIVE)]


def binding_of(world: World, key: str) -> Binding:
    [row] = world.api.select("SELECT user_name, project_ids FROM api_keys WHERE id = %s", key.split("_")[1])
    return Binding(row["user_name"], None if row["project_ids"] is None else tuple(row["project_ids"]))


Door = Callable[[World, str], list[httpx.Response] | None]
# Those by which ingest knows the session refuse with an answer; the others leave it to the worker.
ANSWERING: list[Door] = [one_by_one, in_a_batch, by_hooks, by_readings, by_a_new_file, by_anns_machine, by_marks]
IMPORTS: list[Door] = [by_an_import, by_an_import_of_a_fork, by_an_import_of_prompts, by_an_import_of_claude_json]
JOURNAL: list[Door] = [
    by_a_journal_that_did_not_know,
    by_a_journal_of_hooks,
    by_a_journal_of_ranges,
    by_a_journal_of_readings,
    by_telemetry,
]


def assert_unchanged(world: World, before: dict[str, Any]) -> None:
    for name, found in world.anns().items():
        assert found == before[name], name


def of_bob(world: World) -> str:
    return world.api.key("ingest", user="bob")


def of_bobs_project(world: World) -> str:
    [project] = world.api.select("SELECT project_id FROM sessions WHERE session_id = %s", BOBS)
    return world.api.key("ingest", projects=[project["project_id"]])


@pytest.mark.parametrize(
    ("key_of", "refused_with", "door"),
    [
        *((of_bob, {403}, door) for door in (*ANSWERING, *IMPORTS, *JOURNAL)),
        *((of_bobs_project, {403, 404}, door) for door in (one_by_one, in_a_batch, by_marks, *IMPORTS, by_a_journal_that_did_not_know)),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_key_of_another_user_or_project_changes_nothing_of_a_session(
    world: World, key_of: Callable[[World], str], refused_with: set[int], door: Door
) -> None:
    before = world.anns()

    answers = door(world, key_of(world)) or []
    world.settle()

    assert_unchanged(world, before)
    # It was refused, not overlooked, and what a door refuses does not reach the worker
    assert {answer.status_code for answer in answers} <= refused_with, [answer.text for answer in answers]
    assert (world.refusals() > 0) == (door not in ANSWERING)

    world.replay_dead_letters()
    world.reparse()

    assert_unchanged(world, before)
    if door is one_by_one and key_of is of_bob:
        assert all("another user's" in is_error(answer, 403, "FORBIDDEN") for answer in answers)
        # A key that is not bound may
        assert {answer.status_code for answer in one_by_one(world, world.admin)} <= {200, 201}


def test_a_file_that_another_user_sent_before_the_session_had_an_owner_is_not_shown(world: World) -> None:
    # Given what was taken from bob before
    before = world.anns()
    with psycopg.connect(world.worker.settings.database_url, autocommit=True) as connection:
        put_range(connection, ANNS, FOREIGN, machine_id="bob-laptop", user="bob", bound_user="bob", original_bytes=2**40)

    world.settle()
    world.reparse()

    assert_unchanged(world, before)


def test_telemetry_that_another_user_sent_before_the_session_had_an_owner_is_not_shown(world: World) -> None:
    """given a session that bob's key tells of before anything else is known of it, and that begins as ann's."""
    new = "aaaaaaaa-0000-4000-8000-000000000002"
    bob, ann = world.api.key("ingest", user="bob"), world.api.key("ingest", user="ann")
    told = event("tool_result", 1, session=new, tool_use_id="toolu_1", duration_ms="1")
    assert world.api.post(bob, "/v1/logs", logs(told)).status_code == 200
    world.settle()

    assert world.put(ann, new, conversation(new, "/ann", AT, "words of ann"), machine="ann-laptop").status_code == 200
    world.settle()

    assert world.api.get(world.admin, f"/api/sessions/{new}/signals").json()["items"] == []
    [call] = world.api.select("SELECT duration_source FROM tool_calls WHERE session_id = %s", new) or [{"duration_source": "timestamps"}]
    assert call["duration_source"] == "timestamps"


def test_a_reading_of_the_quota_names_the_key_that_sent_it(world: World) -> None:
    """given bob's key, which tells of an account that may be ann's, then the row is bob's"""
    bob = world.api.key("ingest", user="bob")
    windows = [{"kind": "five_hour", "used_percentage": 99, "resets_at": (EARLIER + timedelta(hours=2)).isoformat()}]
    at = {"fetched_at": EARLIER.isoformat(), "read_at": EARLIER.isoformat(), "machine_id": "bob-laptop"}
    reading = {"type": "usage_cache", "account": "9f86d081884c7d65", "user": "ann", "windows": windows} | at

    assert world.api.post(bob, "/api/readings", [reading]).json()["accepted"] == 1
    world.settle()

    [row] = world.api.select(
        "SELECT u.name, q.key_id, k.user_name FROM quota_readings q JOIN users u ON u.id = q.user_id JOIN api_keys k ON k.id = q.key_id"
    )
    assert (row["name"], row["user_name"]) == ("bob", "bob")
