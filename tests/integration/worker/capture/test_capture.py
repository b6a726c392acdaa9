"""Live capture: ranges of transcripts become the rows that an import of the whole files makes."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec
import psycopg
import pytest
import structlog

from services.worker.archive.compaction import compact_some
from services.worker.capture import file_reading
from services.worker.capture import read_captured as reading
from services.worker.capture.parser_states import ParserStates
from services.worker.capture.read_captured import locked, read_captured
from services.worker.drain.entry_decoder import persist_replayed_records
from services.worker.persist.records import Message
from services.worker.persist.staging.staging_tables import ReceivedEvent
from services.worker.resources import Resources, open_resources
from services.worker.row_lease import MAX_ATTEMPTS
from services.worker.sweep.scheduler import NO_CALL, ONE_CALL, Looks
from shared.blobs.contents import path_of
from tests.integration.worker.all_tables import all_tables, is_verified
from tests.integration.worker.capture.captured import RECEIVED_AT, capture, imported, put_range, read_all
from tests.integration.worker.statements import execute, select
from tests.unit.worker.importers.transcript.rows_of_a_session import SESSION, WHOLE, answer, jsonl, prompt, text


def test_a_transcript_captured_line_by_line_is_the_same_as_its_import(worker: Resources, tmp_path: Path) -> None:
    expected = imported(worker, tmp_path, jsonl(*WHOLE))

    states = ParserStates()
    for row in WHOLE:
        capture(worker, SESSION, jsonl(row), states)
        assert is_verified(worker)

    assert all_tables(worker) == expected


def test_a_process_without_a_state_goes_on_from_what_is_stored(worker: Resources, tmp_path: Path) -> None:
    expected = imported(worker, tmp_path, jsonl(*WHOLE))

    for row in WHOLE:
        capture(worker, SESSION, jsonl(row))

    assert all_tables(worker) == expected
    assert is_verified(worker)


def test_totals_said_before_the_first_api_call_go_with_that_call(worker: Resources, tmp_path: Path) -> None:
    # Given a transcript that has been read up to what Claude Code says of its cost and lines, before any call
    totals = {"type": "cost-state", "sessionId": SESSION, "totalCostUSD": 0.05, "totalLinesAdded": 5, "totalDuration": 10}
    rows = [prompt(0, "u-0", "Hello"), totals, answer(1, "a-1", "msg_1", text("Hello."))]
    expected = imported(worker, tmp_path, jsonl(*rows))
    capture(worker, SESSION, jsonl(*rows[:2]))
    assert is_verified(worker)

    capture(worker, SESSION, jsonl(rows[2]))

    assert all_tables(worker) == expected
    assert is_verified(worker)


def test_beat_sees_what_is_to_be_read(worker: Resources, looks: Looks) -> None:
    assert looks.captured() == NO_CALL

    with worker.transaction() as connection:
        put_range(connection, SESSION, jsonl(*WHOLE))
    assert looks.captured() == ONE_CALL

    read_captured(worker, ParserStates())
    assert looks.captured() == NO_CALL


def test_a_file_that_cannot_be_read_is_set_aside_and_others_go_on(worker: Resources, looks: Looks) -> None:
    # Given a file of which a range is missing, and another
    with worker.transaction() as connection:
        broken = put_range(connection, "broken", jsonl(*WHOLE))
        connection.execute("DELETE FROM transcript_ranges WHERE file_id = %s", [broken])
        put_range(connection, SESSION, jsonl(*WHOLE))

    # When all that can be is read
    with structlog.testing.capture_logs() as lines:
        read_all(worker)

    # Then the other is read, and this one is out of the way, with a word on it
    assert "captured_file_set_aside" in [line["event"] for line in lines]
    assert looks.captured() == NO_CALL
    with worker.transaction() as connection:
        assert connection.execute("SELECT session_id FROM sessions").fetchall() == [(SESSION,)]
        [(errors,)] = connection.execute("SELECT errors FROM import_jobs").fetchall()
        assert [(error["file"], error["code"]) for error in errors] == [("broken/broken.jsonl", "GIVEN_UP")]

        # And when its time has come it is tried once more, and its pause is longer each time
        connection.execute("UPDATE transcript_files SET read_again_at = now() - interval '1 second' WHERE id = %s", [broken])
    assert looks.captured() == ONE_CALL
    assert not read_captured(worker, ParserStates())
    pause = "SELECT read_again_at > now() + interval '40 minutes' FROM transcript_files WHERE id = %s"
    assert select(worker, pause, [broken]) == [(True,)]


def test_one_process_reads_at_a_time(worker: Resources) -> None:
    with worker.transaction() as connection:
        put_range(connection, SESSION, jsonl(*WHOLE))
    other = open_resources(worker.settings)

    with other.connection() as connection, locked(connection) as is_ours:
        assert is_ours
        assert not read_captured(worker, ParserStates()), "the holder looks again"
        assert select(worker, "SELECT count(*) FROM messages") == [(0,)]
    other.close()

    assert not read_captured(worker, ParserStates())
    assert select(worker, "SELECT count(*) FROM messages") == [(4,)]


@pytest.mark.parametrize(("bound_user", "stored"), [("bob", 0), (None, 1)])
def test_only_a_bound_key_is_kept_from_sessions_of_other_users(worker: Resources, bound_user: str | None, stored: int) -> None:
    """given a session of ann, then what another machine adds to it as bob is stored, unless its key is bound to bob."""
    capture(worker, SESSION, jsonl(*WHOLE[:-1]))

    capture(worker, SESSION, jsonl(*WHOLE), machine_id="m2", user="bob", bound_user=bound_user)

    [(skipped,)] = select(worker, "SELECT skipped_records FROM import_jobs WHERE kind = 'capture'")
    owners = {row[0] for row in select(worker, "SELECT u.name FROM messages AS m JOIN users AS u ON u.id = m.user_id")}
    assert ("another user's" not in skipped) == bool(stored)
    assert owners == {"ann"}


def test_a_line_that_kills_its_reader_keeps_no_other_file_waiting(worker: Resources, looks: Looks) -> None:
    # Given files of which one kills whoever reads it, in the midst of the others
    with worker.transaction() as connection:
        for session_id in ("s1", "deadly", "s2"):
            rows = [row | {"sessionId": session_id, "uuid": f"{session_id}-{n}"} for n, row in enumerate(WHOLE)]
            deadly = [prompt(1, "u9", "kill this process")] if session_id == "deadly" else []
            put_range(connection, session_id, jsonl(*deadly, *rows))

    # When a process after the other reads
    deaths = 0
    while looks.captured():
        command = [
            sys.executable,
            "-m",
            "tests.integration.worker.capture.deadly_reader",
            worker.settings.database_url,
            worker.settings.redis_url,
        ]
        ended = subprocess.run(command, capture_output=True, timeout=100, check=False)
        deaths += ended.returncode == -signal.SIGKILL
        if deaths >= 3:
            # Then the third process has read the others: what was begun less often comes first
            parsed = "SELECT session_id FROM transcript_files WHERE parsed_offset = stored_offset ORDER BY 1"
            assert select(worker, parsed) == [("s1",), ("s2",)]

    # And after five deaths the file is set aside
    assert deaths == MAX_ATTEMPTS
    assert is_verified(worker)

    # And a reader that can read it does so when its time has come
    execute(worker, "UPDATE transcript_files SET read_again_at = now() - interval '1 second' WHERE read_again_at IS NOT NULL")
    assert not read_captured(worker, ParserStates())
    again = "SELECT parsed_offset = stored_offset, read_attempts, read_again_at FROM transcript_files WHERE session_id = 'deadly'"
    assert select(worker, again) == [(True, 0, None)]


def test_states_are_forgotten_when_they_take_too_much_memory(worker: Resources, tmp_path: Path) -> None:
    # Given room for one state only
    contents = [
        jsonl(*(row | {"sessionId": session_id, "uuid": f"{session_id}-{n}"} for n, row in enumerate(WHOLE))) for session_id in "ab"
    ]
    expected = imported(worker, tmp_path, *contents)
    states = ParserStates(max_bytes=1)

    # When two files grow in turn
    for lines in zip(*(content.splitlines(keepends=True) for content in contents), strict=True):
        for session_id, line in zip("ab", lines, strict=True):
            capture(worker, session_id, line, states)

    assert all_tables(worker) == expected


def test_a_user_who_becomes_known_later_has_the_whole_session(worker: Resources, tmp_path: Path) -> None:
    expected = imported(worker, tmp_path, jsonl(*WHOLE))
    states = ParserStates()

    capture(worker, SESSION, jsonl(*WHOLE[:3]), states, user=None)
    capture(worker, SESSION, jsonl(*WHOLE[3:]), states, user="ann")

    # Then nothing is left under no user. The session's first facts are not given again.
    found = all_tables(worker)
    assert [json.loads(facts)["u"] for facts in found.pop("session_facts")] == ["ann"]
    assert found.items() < expected.items()
    assert is_verified(worker)


def test_two_copies_of_a_file_share_their_facts_until_one_goes_on(worker: Resources, tmp_path: Path) -> None:
    expected = imported(worker, tmp_path, jsonl(*WHOLE))
    states = ParserStates()

    # Given the same beginning from two machines
    for machine_id in ("m1", "m2"):
        capture(worker, SESSION, jsonl(*WHOLE[:4]), states, machine_id=machine_id)

    # When one of them goes on, then the facts of the other stay; when both have, only the last facts are left
    capture(worker, SESSION, jsonl(*WHOLE[4:]), states, machine_id="m1")
    assert select(worker, "SELECT count(*) FROM session_facts") == [(3,)], "the first, of m1 and of m2"
    capture(worker, SESSION, jsonl(*WHOLE[4:]), states, machine_id="m2")

    assert all_tables(worker) == expected
    assert is_verified(worker)


def test_a_line_that_is_no_json_is_counted_and_the_others_are_stored(worker: Resources, tmp_path: Path) -> None:
    expected = imported(worker, tmp_path, jsonl(*WHOLE))
    states = ParserStates()

    capture(worker, SESSION, jsonl(*WHOLE[:4]) + b"{cut\n", states)
    capture(worker, SESSION, b'{"type": "of-tomorrow"}\n' + jsonl(*WHOLE[4:]), states)

    assert all_tables(worker) == expected
    [(errors, unknown)] = select(worker, "SELECT errors, unknown_records FROM import_jobs")
    offset = len(jsonl(*WHOLE[:4]))
    assert [(error["file"], error["line"], error["offset"], error["code"]) for error in errors] == [
        (f"{SESSION}/{SESSION}.jsonl", 5, offset, "INVALID_JSON")
    ]
    assert unknown == {"of-tomorrow": 1}


def test_a_record_that_cannot_be_stored_is_a_dead_letter_that_can_be_replayed(worker: Resources) -> None:
    # Given a text that Postgres refuses for now
    execute(worker, "ALTER TABLE messages ADD CONSTRAINT of_a_test CHECK (content NOT LIKE '%Done%') NOT VALID")
    try:
        # When it is captured, then all else is stored
        capture(worker, SESSION, jsonl(*WHOLE))
        assert select(worker, "SELECT count(*) FROM messages") == [(3,)]
        [(payload, entry_id)] = select(worker, "SELECT payload, journal_entry_id FROM dead_letters")
        assert select(worker, "SELECT 'import:' || id FROM import_jobs WHERE kind = 'capture'") == [(entry_id,)]
        [(skipped, errors)] = select(worker, "SELECT skipped_records, errors FROM import_jobs")
        assert b"Done" in payload
        assert skipped["not storable"] == 1
        assert [error["code"] for error in errors] == ["NOT_STORABLE"]
        assert is_verified(worker)
    finally:
        execute(worker, "ALTER TABLE messages DROP CONSTRAINT of_a_test")

    # And a replay stores it as the job's own
    record = msgspec.json.decode(payload, type=Message)
    with worker.transaction() as connection:
        persist_replayed_records(connection, [ReceivedEvent(record, RECEIVED_AT, "test", entry_id)], idle_gap=worker.idle_gap)
    assert select(worker, "SELECT count(*), count(DISTINCT brought_by) FROM messages") == [(4, 1)]
    assert is_verified(worker)


def test_running_sessions_are_read_before_a_backlog(worker: Resources, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given two long files that came first, and rounds that end at once
    old = [prompt(n, f"old{n}", "x" * 5000) for n in range(200)]
    with worker.transaction() as connection:
        for session_id in ("old1", "old2"):
            for start in range(0, len(old), 50):
                rows = (row | {"sessionId": session_id, "uuid": f"{session_id}-{row['uuid']}"} for row in old[start : start + 50])
                put_range(connection, session_id, jsonl(*rows))
        put_range(connection, "now", jsonl(prompt(1, "n1", "now") | {"sessionId": "now"}))
    monkeypatch.setattr(reading, "ROUND_SECONDS", 0.0)
    for module in (reading, file_reading):
        monkeypatch.setattr(module, "CHUNK_RECORDS", 40)
    order: list[str] = []
    store = reading.store

    def noted(worker: Any, connection: Any, job: Any, readings: Any) -> Any:
        order.extend(each.file.session_id for each in readings)
        if len(order) == 3:
            # And something more comes while the long ones are read
            with psycopg.connect(worker.settings.database_url) as other:
                put_range(other, "now", jsonl(prompt(2, "n2", "and now") | {"sessionId": "now"}))
        return store(worker, connection, job, readings)

    monkeypatch.setattr(reading, "store", noted)

    # When all is read
    read_all(worker)

    # Then a word of now never waits for more than one reading of a long file
    assert order[0] == "now"
    assert order.index("now", 1) <= 4
    assert order.count("old1") == order.count("old2") == 4


@pytest.mark.parametrize("is_remembered", [True, False])
def test_a_file_goes_on_behind_what_was_archived(worker: Resources, tmp_path: Path, is_remembered: bool) -> None:
    """given that what was read becomes segments after each line or two, then the rows are the same, with the parser's state and without."""
    expected = imported(worker, tmp_path, jsonl(*WHOLE))
    states = ParserStates()

    for n, row in enumerate(WHOLE):
        capture(worker, SESSION, jsonl(row), states if is_remembered else None)
        if n % 3:
            [(file_id,)] = select(worker, "SELECT id FROM transcript_files")
            compact_some(worker, file_id)

    assert all_tables(worker) == expected
    assert is_verified(worker)


def test_a_file_waits_for_the_archive_and_holds_up_no_other(worker: Resources) -> None:
    """given a parser's state that has to be made from an archive that is away, then others are read, and the file is read when it is back."""
    capture(worker, SESSION, jsonl(*WHOLE[:4]))
    [(file_id,)] = select(worker, "SELECT id FROM transcript_files")
    compact_some(worker, file_id)
    with worker.transaction() as connection:
        [(sha256,)] = connection.execute("SELECT sha256 FROM transcript_segments").fetchall()
        put_range(connection, SESSION, jsonl(*WHOLE[4:]))
    frame = worker.archive.get(sha256.hex())
    path = Path(unquote(urlsplit(worker.settings.archive_url).path)) / path_of(sha256.hex())
    path.unlink()
    path.mkdir()

    for n in range(MAX_ATTEMPTS + 1):
        be_due(worker)
        capture(worker, "other", jsonl(prompt(n, f"o{n}", "hello") | {"sessionId": "other"}))

    state = "SELECT session_id, parsed_offset = stored_offset, read_attempts, read_again_at > now() FROM transcript_files ORDER BY id"
    assert select(worker, state) == [(SESSION, False, 0, True), ("other", True, 0, None)]

    path.rmdir()
    worker.archive.put(sha256.hex(), frame)
    be_due(worker)
    assert not read_captured(worker, ParserStates())
    with worker.transaction() as connection:
        counts = "SELECT session_id, count(*) FROM messages GROUP BY 1 ORDER BY 1"
        assert dict(connection.execute(counts).fetchall()) == {SESSION: 4, "other": MAX_ATTEMPTS + 1}
        assert connection.execute("SELECT errors FROM import_jobs").fetchone() == ([],)
    assert is_verified(worker)


def be_due(worker: Resources) -> None:
    execute(worker, "UPDATE transcript_files SET read_again_at = now() WHERE read_again_at IS NOT NULL")
