"""Exports that somebody wrote by hand: no number, report or row of them stops the tracker for others."""

import json
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from services.worker.importers.formats.export_manifest import FORMAT, MANIFEST, VERSION
from services.worker.importers.formats.exported_base import ROWS, VECTORS, WIDE_SUMS, summed
from services.worker.persist.dead_letters import persist_isolating
from services.worker.persist.staging.staging_tables import ReceivedEvent
from services.worker.resources import Resources
from shared.claude_formats.upload_kinds import EXPORT_MARKER
from shared.events.messages import Event
from shared.tables.sums import BASE_SESSIONS
from tests.integration.attacks.conftest import Target
from tests.integration.whole_session import whole_session
from tests.integration.worker.imports.exporting import imported, packed
from tests.integration.worker.statements import select

NOW = datetime.now(UTC)
DAY = NOW.replace(hour=0, minute=0, second=0, microsecond=0).isoformat()
WHOLE = 2**53


def export_of(folder: Path, rows: dict[str, list[dict[str, Any]]], **selection: Any) -> Path:
    members = {EXPORT_MARKER: json.dumps({"format": FORMAT, "version": VERSION, "manifest": MANIFEST}).encode()}
    members |= {f"rows/{table}.ndjson": b"".join(json.dumps(row).encode() + b"\n" for row in found) for table, found in rows.items()}
    listed = [{"name": name, "bytes": len(content), "sha256": sha256(content).hexdigest()} for name, content in members.items()]
    manifest = {"format": FORMAT, "version": VERSION, "schema": "0", "snapshot_at": NOW.isoformat(), "selection": selection}
    manifest |= {"idle_gap_seconds": 300, "counts": {}, "members": listed}
    return packed(folder / f"{uuid4()}.zip", members | {MANIFEST: json.dumps(manifest).encode()})


def base_rows(user: str, amount: int) -> dict[str, list[dict[str, Any]]]:
    """A row of each table of the base, with `amount` of all that is summed."""
    rows = {}
    for table, wanted in ROWS.items():
        if table == BASE_SESSIONS:
            continue
        row: dict[str, Any] = {"project_path": "/p", "user": user, "bucket_start": DAY, "file_path": "/p/a", "tool_name": "Bash"}
        row |= {"error_class": "x", "model": "m", **dict.fromkeys(VECTORS, "1")}
        row |= {name: str(amount) if name in WIDE_SUMS else amount for name in summed(table)}
        rows[table] = [{name: row.get(name) for name in wanted.__struct_fields__}]
    return rows


def store(worker: Resources, events: list[Event]) -> None:
    with worker.transaction() as connection:
        outcome = persist_isolating(connection, [ReceivedEvent(each, NOW, "r", "1-0") for each in events], idle_gap=worker.idle_gap)
    assert outcome.dead == []


def answers(target: Target) -> dict[str, int]:
    paths = (
        "/api/usage",
        "/api/usage?group_by=user",
        "/api/stats",
        "/api/tool-calls/stats",
        "/api/tool-calls/errors",
        "/api/machines",
        "/api/projects",
    )
    return {path: target.http.get(path).status_code for path in paths}


def test_a_base_that_would_fill_the_sums_is_refused_with_its_reason(target: Target, worker: Resources, tmp_path: Path) -> None:
    """given 1,024 rows of the largest number each, when they are imported, then none of the base is, and others' events and answers are as ever."""
    rows = base_rows("mallory", WHOLE)
    rows["base_usage_rollups"] = [rows["base_usage_rollups"][0] | {"model": f"m-{number}"} for number in range(1024)]

    ended = imported(worker, export_of(tmp_path, rows))

    assert (ended["status"], [error["code"] for error in ended["errors"]]) == ("succeeded", ["BASE_TOO_LARGE"])
    assert ended["skipped_records"] == {"BASE_TOO_LARGE": 1024 + 4}
    store(worker, whole_session("others", "ann", NOW))
    assert set(answers(target).values()) == {200}


def test_the_largest_bases_of_many_imports_leave_room_for_everybody(target: Target, worker: Resources, tmp_path: Path) -> None:
    # Given as much as all imports together may bring, by people of whom nothing is here
    for number in range(4):
        ended = imported(worker, export_of(tmp_path, base_rows(f"m-{number}", WHOLE // 4), user=f"m-{number}"))
        assert (ended["errors"], ended["skipped_records"]) == ([], {})

    # When one more comes
    refused = imported(worker, export_of(tmp_path, base_rows("m-4", 1), user="m-4"))

    # Then it is refused, and events of others are stored and counted
    assert [error["code"] for error in refused["errors"]] == ["BASE_TOO_LARGE"]
    store(worker, whole_session("others", "ann", NOW))
    assert set(answers(target).values()) == {200}
    [(most,)] = select(worker, "SELECT max(input_tokens) FROM activity_rollups")
    assert WHOLE <= most < 2 * WHOLE


@pytest.mark.parametrize("report", [{"spool_files": "NaN"}, {"bytes_unsent": -1}, {"expiring": [{"file": 1}]}, {"files_unsent": 2**70}, []])
def test_a_report_that_no_machine_could_send_is_an_error_of_its_line(
    target: Target, worker: Resources, tmp_path: Path, report: Any
) -> None:
    at = NOW.isoformat()
    machine = {"machine_id": "m-1", "name": "laptop", "first_seen_at": at, "last_heard_at": at, "report": report}

    ended = imported(worker, export_of(tmp_path, {"machines": [machine, machine | {"machine_id": "m-2", "report": {"os": "Linux"}}]}))

    assert [(error["code"], error["line"]) for error in ended["errors"]] == [("INVALID_ROW", 1)]
    assert target.http.get("/api/machines").status_code == 200
    assert select(worker, "SELECT machine_id FROM machines") == [("m-2",)]


def test_active_times_that_cannot_be_true_are_left_out(target: Target, worker: Resources, tmp_path: Path) -> None:
    """given a session that was active until the year 9999, when it is imported, then that time does not count."""
    facts = {"id": str(uuid4()), "received_at": NOW.isoformat(), "session_id": "s", "source": "transcript", "user": "mallory"}
    ranges = [[NOW.isoformat(), "9999-01-01T00:00:00+00:00"]]

    ended = imported(
        worker, export_of(tmp_path, {"session_facts": [facts | {"active_ranges": ranges, "first_record_at": NOW.isoformat()}]})
    )

    assert [error["code"] for error in ended["errors"]] == ["NOT_BELIEVED"]
    assert select(worker, "SELECT max(active_us) FROM sessions") == [(0,)]
    assert set(answers(target).values()) == {200}


def test_a_row_is_held_to_what_the_api_takes(target: Target, worker: Resources, tmp_path: Path) -> None:
    """given rows that no request could have brought, when they are imported, then each is an error of its line, and the others are there."""
    at = NOW.isoformat()
    view = {"id": str(uuid4()), "name": "v", "address": "/usage", "created_at": at}
    marks = {"session_id": "s", "changed_at": at}
    rows = {
        "users": [{"name": "ann"}, {"name": "a\u0007nn"}, {"name": ""}],
        "projects": [{"id": 1, "path": "/p", "name": "p"}, {"id": 2, "path": "no path", "name": "x"}],
        "project_rules": [{"pattern": "no root", "project_path": "/p"}, {"pattern": "/w/*", "project_path": "/p"}],
        "saved_views": [view, {"name": "no id"}, view | {"address": "https://elsewhere"}, view | {"created_at": "2026-13-01T00:00:00Z"}],
        "session_marks": [marks | {"tags": [" "]}, marks | {"note": "x" * 65_537}, marks | {"changed_at": "0001-01-01T00:00:00Z"}],
    }

    ended = imported(worker, export_of(tmp_path, rows))

    assert ended["status"] == "succeeded"
    assert [error["line"] for error in ended["errors"]] == [2, 3, 2, 1, 1, 2, 3, 2, 3, 4]
    assert {error["code"] for error in ended["errors"]} == {"INVALID_ROW"}
    counted = {table: select(worker, f"SELECT count(*) FROM {table}")[0][0] for table in rows}
    assert select(worker, "SELECT name FROM projects WHERE path IN ('/p', 'no path')") == [("p",)]
    counted.pop("projects")
    assert counted == {"users": 1, "project_rules": 1, "saved_views": 1, "session_marks": 0}
    assert msgspec.json.decode(target.http.get("/api/views").content)["items"][0]["name"] == "v"
