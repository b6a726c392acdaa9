"""An erasure of a session, a person or a project leaves no row of it, sums that agree with the rows, and everything of others as it was."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from services.worker.maintenance.jobs import run_job
from services.worker.row_tables import ROW_TABLES
from shared.events.messages import Conversation, SessionStart, ToolCall
from shared.jobs import ERASURE
from tests.integration.erasures.erasing import assert_sums_agree, erased, finish, of_others, places_of, start
from tests.integration.keys.ownership.owners import ANNS, AT, BOBS, LIVE, World, conversation, line
from tests.integration.worker.all_tables import tables
from tests.integration.worker.statements import execute

WORDS = "hyperboloid words of ann"
ANN_HISTORY = "aaaaaaaa-0000-4000-8000-000000000009"
HERS = (WORDS, "hyperboloid", ANNS, LIVE, ANN_HISTORY, "ann-laptop", "/home/ann")


def own_numbers(content: bytes, first: int) -> bytes:
    """The same transcript with uuids of its own: not a fork."""
    records = [json.loads(each) for each in content.splitlines()]
    for number, record in enumerate(records, first):
        record["uuid"] = f"00000000-0000-4000-8000-{number:012}"
        if record["message"].get("id"):
            record["message"]["id"] = f"msg_{number}"
            record["requestId"] = f"req_{number}"
    return "".join(json.dumps(each) + "\n" for each in records).encode()


def fill(world: World) -> None:
    """Sessions of two people by events, capture and imports, marks, a dead letter, and a call without a session."""
    ann, bob = world.api.key("ingest", user="ann"), world.api.key("ingest", user="bob")
    assert world.put(ann, ANNS, own_numbers(conversation(ANNS, "/home/ann/x", AT, WORDS), 100), machine="ann-laptop").status_code == 200
    assert world.api.ask(ann, "PUT", "/api/machines/ann-laptop", json={"name": "the laptop of ann"}).status_code == 200
    for user, session_id, path, words in (
        ("ann", LIVE, "/shared", WORDS),
        ("bob", "bob-by-the-api", "/shared", "words of bob"),
    ):
        events: list[Any] = [
            SessionStart(id=uuid4(), session_id=session_id, project_path=path, user=user, start_time=AT),
            Conversation(id=uuid4(), session_id=session_id, role="user", content=words, timestamp=AT),
            ToolCall(id=uuid4(), session_id=session_id, tool_name="Bash", result_status="error", execution_time_ms=9, timestamp=AT),
            ToolCall(id=uuid4(), user=user, tool_name="Grep", result_status="success", timestamp=AT, parameters={"pattern": words}),
        ]
        world.append(events=events)
    history = own_numbers(conversation(ANN_HISTORY, "/home/ann/y", AT - timedelta(days=9), WORDS), 200)
    assert world.upload(ann, f"{ANN_HISTORY}.jsonl", history).status_code in (200, 202)
    bobs = own_numbers(conversation(BOBS, "/bob", AT, "words of bob"), 300)
    assert world.upload(bob, f"{BOBS}.jsonl", bobs).status_code in (200, 202)
    world.settle()
    taken = Conversation(id=uuid4(), session_id=LIVE, role="user", content=WORDS, timestamp=AT)
    world.append(events=[taken, Conversation(id=taken.id, session_id=LIVE, role="user", content=f"other {WORDS}", timestamp=AT)])
    both = world.api.key("ingest", "read")
    assert (
        world.api.ask(both, "PATCH", f"/api/sessions/{ANNS}", json={"note": f"a note on {WORDS}", "tags": ["hyperboloid"]}).status_code
        == 200
    )
    assert world.api.post(both, "/api/views", {"name": "what ann does", "address": "/usage?user=ann"}).status_code == 201
    world.settle()
    assert world.api.select("SELECT count(*) FROM dead_letters") == [{"count": 1}]


@pytest.fixture
def filled(world: World) -> World:
    fill(world)
    return world


def test_erasing_a_session_leaves_nothing_of_it_and_all_of_the_others(filled: World) -> None:
    before = of_others(filled)
    assert places_of(filled, ANNS)

    found = erased(filled, {"session_id": ANNS}, ANNS)

    assert places_of(filled, ANNS) == {}
    assert found["counts"]["sessions"] == 1
    assert found["counts"]["transcript_files"] == 1
    assert {"backups", "logs", "replicas", "copies", "machines"} <= found["remains"].keys()
    assert of_others(filled) == before
    assert places_of(filled, LIVE, ANN_HISTORY).keys() == {LIVE, ANN_HISTORY}
    assert_sums_agree(filled.worker)


def test_erasing_a_person_leaves_nothing_of_them_and_all_of_the_others(filled: World) -> None:
    before = of_others(filled)
    assert places_of(filled, *HERS).keys() == set(HERS)

    found = erased(filled, {"user": "ann"}, "ann")

    assert places_of(filled, *HERS, '"ann"', "=ann", ",ann,") == {}
    assert found["counts"]["sessions"] == 3
    assert of_others(filled) == before
    assert filled.api.select("SELECT path FROM projects ORDER BY 1") == [{"path": "/bob"}, {"path": "/shared"}]
    assert_sums_agree(filled.worker)
    # And the person's keys are of no use
    assert filled.api.select("SELECT count(*) FROM api_keys WHERE name = 'erased' AND revoked_at IS NOT NULL") == [{"count": 1}]


def test_erasing_a_project_leaves_nothing_of_it_and_all_of_the_others(filled: World) -> None:
    [project] = filled.api.select("SELECT id FROM projects WHERE path = '/home/ann/x'")

    erased(filled, {"project_id": project["id"]}, "/home/ann/x")

    assert places_of(filled, ANNS, "/home/ann/x") == {}
    assert places_of(filled, LIVE, ANN_HISTORY).keys() == {LIVE, ANN_HISTORY}
    assert_sums_agree(filled.worker)


def test_a_dry_run_counts_and_changes_nothing(filled: World) -> None:
    with psycopg.connect(filled.worker.settings.database_url) as connection:
        before = tables(connection)

    found = erased(filled, {"user": "ann"}, "", dry_run=True)

    with psycopg.connect(filled.worker.settings.database_url) as connection:
        assert tables(connection) == before
    assert filled.api.select("SELECT count(*) FROM tombstones") == [{"count": 0}]
    assert found["counts"]["sessions"] == 3
    assert found["counts"]["dead_letters"] == 1


@pytest.mark.parametrize("confirm", ["", "Ann", "bob"])
def test_nothing_is_erased_without_the_name(filled: World, confirm: str) -> None:
    answer = filled.api.post(filled.admin, "/api/erasures", {"what": {"user": "ann"}, "confirm": confirm})
    assert (answer.status_code, answer.json()["details"]) == (400, {"confirm": "differs"})
    assert filled.api.select("SELECT count(*) FROM jobs") == [{"count": 0}]


def test_rows_that_a_fork_of_somebody_else_has_too_go_to_it(world: World) -> None:
    # Given a session of ann's, and a fork of it that bob goes on with
    ann, bob = world.api.key("ingest", user="ann"), world.api.key("ingest")
    assert world.upload(ann, f"{ANNS}.jsonl", conversation(ANNS, "/x", AT, "both")).status_code in (200, 202)
    world.settle()
    fork = "bbbbbbbb-0000-4000-8000-00000000000b"
    copied = conversation(fork, "/x", AT, "both") + json.dumps(line(9, fork, "/x", AT, "bob goes on")).encode() + b"\n"
    assert world.upload(bob, f"{fork}.jsonl", copied).status_code in (200, 202)
    world.settle()
    assert world.api.select("SELECT DISTINCT session_id FROM messages WHERE content LIKE 'both%%'") == [{"session_id": ANNS}]

    # When ann's is erased
    erased(world, {"session_id": ANNS}, ANNS)

    # Then the shared rows are the fork's
    assert world.api.select("SELECT DISTINCT session_id FROM messages") == [{"session_id": fork}]
    assert len(world.api.select("SELECT FROM messages")) == 4
    assert_sums_agree(world.worker)


def test_what_comes_late_stays_out_until_the_tombstone_is_lifted(filled: World) -> None:
    # Given an erased person
    erased(filled, {"user": "ann"}, "ann")
    key = filled.api.key("ingest")

    # When it is sent again
    def send() -> None:
        content = own_numbers(conversation(ANNS, "/home/ann/x", AT, WORDS), 100)
        assert filled.upload(key, f"{ANNS}.jsonl", content).status_code in (200, 202)
        filled.append(events=[SessionStart(id=uuid4(), session_id=LIVE, project_path="/shared", user="ann", start_time=AT)])
        filled.settle()

    send()

    # Then it stays out
    assert places_of(filled, WORDS, ANNS, LIVE) == {}

    # When the tombstone is lifted, and it is sent once more
    lifted = filled.api.post(filled.admin, "/api/tombstones/lift", {"what": {"user": "ann"}})
    assert lifted.status_code == 200, lifted.text
    assert filled.api.select("SELECT count(*) FROM tombstones") == [{"count": 0}]
    send()

    # Then it is stored
    assert places_of(filled, WORDS, ANNS, LIVE).keys() == {WORDS, ANNS, LIVE}


def test_an_erasure_that_failed_is_begun_again(filled: World) -> None:
    # Given one that was given up
    erasure_id = start(filled, {"user": "ann"}, "ann")
    filled.api.select("UPDATE jobs SET attempts = 5 RETURNING id")
    assert finish(filled, erasure_id)["status"] == "failed"

    # When it is asked for again, then it is the same one, and ends well
    assert start(filled, {"user": "ann"}, "ann") == erasure_id
    assert finish(filled, erasure_id)["status"] == "succeeded"
    assert places_of(filled, *HERS) == {}


def test_the_same_erasure_asked_for_twice_is_one(filled: World) -> None:
    # Given one that waits, and one whose rows are gone
    first = start(filled, {"user": "ann"}, "ann")

    # When it is asked for again, before it begins and while it runs
    while_it_waits = start(filled, {"user": "ann"}, "ann")
    others = [start(filled, {"user": "ann"}, "", dry_run=True), start(filled, {"user": "bob"}, "bob")]
    while filled.api.select("SELECT at_stage FROM jobs WHERE id = %s", first) != [{"at_stage": "transcripts"}]:
        run_job(filled.worker, ERASURE, first, run_seconds=0)
        filled.settle()
    while_it_runs = start(filled, {"user": "ann"}, "ann")

    # Then it is that one; a dry run and somebody else are others
    assert {while_it_waits, while_it_runs} == {first}
    assert filled.api.select("SELECT count(*) FROM audit_log WHERE act = 'erasure.start'") == [{"count": 3}]
    assert len({first, *others}) == 3
    assert finish(filled, first)["status"] == "succeeded"


def test_erasures_that_are_asked_for_at_the_same_time_are_one(filled: World) -> None:
    with ThreadPoolExecutor(4) as threads:
        asked = list(threads.map(lambda _: start(filled, {"user": "ann"}, "ann"), range(8)))

    assert len(set(asked)) == 1


def test_a_dry_run_does_not_begin_an_erasure_again_that_failed(filled: World) -> None:
    failed = start(filled, {"user": "ann"}, "ann")
    filled.api.select("UPDATE jobs SET status = 'failed' RETURNING id")

    assert start(filled, {"user": "ann"}, "", dry_run=True) != failed

    assert filled.api.select("SELECT status FROM jobs WHERE NOT is_dry_run") == [{"status": "failed"}]


def test_a_dead_letter_that_comes_back_and_is_replayed_stays_out(filled: World) -> None:
    # Given a dead letter of hers, as a backup from before the erasure has it
    [letter] = filled.api.select("SELECT to_jsonb(d) AS row FROM dead_letters AS d")
    erased(filled, {"user": "ann"}, "ann")
    execute(
        filled.worker, "INSERT INTO dead_letters SELECT * FROM jsonb_populate_record(NULL::dead_letters, %s)", (json.dumps(letter["row"]),)
    )
    assert places_of(filled, WORDS) == {WORDS: ["dead_letters"]}

    # When all are replayed
    filled.replay_dead_letters()

    # Then nothing of it is stored, and nothing of it is a dead letter again
    assert places_of(filled, *HERS) == {}
    assert_sums_agree(filled.worker)


def test_a_reparse_brings_nothing_back(filled: World) -> None:
    # Given a transcript of somebody else in the archive too
    bob, session_id = filled.api.key("ingest", user="bob"), "bbbbbbbb-0000-4000-8000-000000000004"
    content = own_numbers(conversation(session_id, "/bob", AT, "words of bob"), 400)
    content = content.replace(b"toolu_1", b"toolu_4")
    assert filled.put(bob, session_id, content, machine="bob-laptop").status_code == 200
    filled.settle()
    erased(filled, {"user": "ann"}, "ann")
    before = {table: len(rows) for table, rows in of_others(filled).items() if table in ROW_TABLES}

    filled.reparse()

    assert places_of(filled, *HERS) == {}
    assert {table: len(rows) for table, rows in of_others(filled).items() if table in ROW_TABLES} == before
    assert_sums_agree(filled.worker)
