"""Imports, live capture and hooks count what nothing reads into one table: once each, whatever is sent again, and never more than it may hold."""

from pathlib import Path
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from services.worker.importers.formats.format_census import UNKNOWN_VERSION
from services.worker.importers.formats.known_formats import is_known
from services.worker.persist.records import OTHER, Unread
from services.worker.persist.unread_formats import MAX_ROWS, count_unread, forget_known
from services.worker.resources import Resources
from tests.integration.worker.capture.captured import capture, import_files, read_all
from tests.integration.worker.capture.hook_session import HOOKS, put_hooks
from tests.integration.worker.statements import select
from tests.unit.worker.importers.transcript.rows_of_a_session import SESSION, jsonl, prompt

NEW = "2.1.400"
HOLOGRAM: dict[str, Any] = {"type": "hologram", "sessionId": SESSION}
FILE = jsonl(HOLOGRAM, prompt(0, "u1", "go", version=NEW, horoscope="lion"), HOLOGRAM)
UNREAD_OF_FILE = {Unread(NEW, "record", "hologram"): 2, Unread(NEW, "field", "user.horoscope"): 1}


def stored(worker: Resources) -> dict[Unread, int]:
    rows = select(worker, "SELECT version, kind, name, count FROM unread_formats")
    return {Unread(*row[:3]): row[3] for row in rows}


def test_an_import_counts_what_nothing_reads_and_says_it(worker: Resources, tmp_path: Path) -> None:
    import_files(worker, tmp_path, FILE)

    assert stored(worker) == UNREAD_OF_FILE
    assert select(worker, "SELECT unknown_records FROM import_jobs") == [({"hologram": 2, "user.horoscope": 1},)]


def test_a_content_that_is_imported_again_counts_once(worker: Resources, tmp_path: Path) -> None:
    import_files(worker, tmp_path, FILE, FILE)
    import_files(worker, tmp_path, FILE)

    assert stored(worker) == UNREAD_OF_FILE


def test_live_capture_counts_each_record_once_however_a_file_is_cut(worker: Resources) -> None:
    lines = FILE.splitlines(keepends=True)
    for line in lines:
        # Each time with a parser that has forgotten what it read.
        capture(worker, SESSION, line)

    assert stored(worker) == UNREAD_OF_FILE


def test_hooks_count_their_events_and_fields_by_the_version_of_their_machine(worker: Resources) -> None:
    at, payload = HOOKS[0]
    name = f"{payload['hook_event_name']}.horoscope"
    with worker.transaction() as connection:
        connection.execute("INSERT INTO machines (machine_id, name, report) VALUES ('m1', 'laptop', %s)", [Jsonb({"claude_version": NEW})])
        for number, machine_id in enumerate(("m1", "m2")):
            put_hooks(connection, [(at + number, payload | {"horoscope": machine_id})])
            connection.execute("UPDATE hook_payloads SET machine_id = %s WHERE payload LIKE %s", [machine_id, f'%"{machine_id}"%'])

    read_all(worker)

    assert stored(worker) == {Unread(NEW, "hook_field", name): 1, Unread(UNKNOWN_VERSION, "hook_field", name): 1}


def test_a_hook_that_nothing_knows_is_counted_and_makes_no_session(worker: Resources) -> None:
    with worker.transaction() as connection:
        put_hooks(connection, [(0, {"session_id": SESSION, "hook_event_name": "NotYetInvented", "cwd": None})])
    read_all(worker)

    assert stored(worker) == {Unread(UNKNOWN_VERSION, "hook", "NotYetInvented"): 1}
    assert select(worker, "SELECT count(*) FROM sessions") == [(0,)]


def test_the_hooks_of_a_session_have_nothing_that_is_unread(worker: Resources) -> None:
    with worker.transaction() as connection:
        put_hooks(connection, HOOKS)
    read_all(worker)

    assert stored(worker) == {}


def test_the_table_holds_no_more_names_than_it_may(worker: Resources) -> None:
    with worker.transaction() as connection:
        count_unread(connection, {Unread(NEW, "record", f"type{number}"): 1 for number in range(MAX_ROWS - 1)})
        count_unread(
            connection, {Unread("2.1.401", "record", f"type{number}"): 1 for number in range(10)} | {Unread(NEW, "record", "type0"): 1}
        )

    found = stored(worker)
    assert len(found) == MAX_ROWS + 1
    assert (found[Unread(OTHER, "record", OTHER)], found[Unread(NEW, "record", "type0")]) == (9, 2)


def test_what_a_newer_tracker_reads_is_forgotten(worker: Resources) -> None:
    with worker.transaction() as connection:
        count_unread(connection, dict.fromkeys([Unread(NEW, "record", "mode"), Unread(NEW, "field", "user.cwd"), *UNREAD_OF_FILE], 1))

        assert forget_known(connection, is_known) == 2

    assert stored(worker).keys() == UNREAD_OF_FILE.keys()


@pytest.mark.parametrize(
    ("kind", "name", "known"),
    [
        ("record", "artifact-version", True),
        ("field", "attachment/queued_command.prompt", True),
        ("field", "user.horoscope", False),
        ("field", "nothing.cwd", False),
        ("hook", "Setup", True),
        ("hook", "NotYetInvented", False),
        ("hook_field", "Stop.session_id", True),
        ("hook_field", "Stop.mood", False),
        ("no kind", "mode", False),
    ],
)
def test_names_are_known_by_their_lists(kind: str, name: str, known: bool) -> None:
    assert is_known(kind, name) is known
