"""Rows of an export that are damaged at random: the import always ends, and every undamaged row is stored."""

import json
import random
import zipfile
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from services.worker.importers.formats.exported_rows import RECORD_TABLES
from services.worker.resources import Resources
from tests.emptied import Emptier
from tests.example_counts import examples
from tests.integration.worker.imports.exported_world import a_tracker_with_everything
from tests.integration.worker.imports.exporting import exported, imported, rewritten

# Each in place of a value, as it stands in a line of JSON.
WRONG = (
    *(
        "null",
        "-1",
        "1e400",
        "9" * 30,
        "0.5",
        "true",
        "[]",
        "{}",
        "[[[]]]",
        '""',
        '"x"',
        '"\\u0000"',
        '"a\\u0000b"',
        '"\\ud800"',
        "NaN",
        "Infinity",
    ),
    *('"2026-13-01T00:00:00Z"', '"0001-01-01T00:00:00+23:59"', '"9999-12-31T23:59:59-23:59"', '"2026-05-01T12:00:00"', '"not-a-uuid"'),
    *(
        '"' + "x" * 70_000 + '"',
        '"-infinity"',
        str(2**53 + 1),
        str(2**63),
        str(-(2**63) - 1),
        '{"a": {"b": "\\u0000"}}',
        '"\\u202e\\u0007"',
    ),
)
TABLES = (*sorted(RECORD_TABLES), "users", "projects", "machines", "session_machines", "session_marks", "saved_views", "transcript_files")
# A row of which others tell, or which has no id of its own.
KEYS = {"users": "name", "projects": "path", "machines": "machine_id", "session_machines": "session_id", "session_marks": "session_id"}


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kept") / "export.zip"


@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(seed=st.integers(0, 2**32))
@example(seed=1)
def test_an_import_of_damaged_rows_ends_with_all_others_stored(worker: Resources, emptier: Emptier, kept: Path, seed: int) -> None:
    # Given an export of which some rows are damaged
    if not kept.exists():
        a_tracker_with_everything(worker, kept.parent)
        exported(worker, kept)
    emptier()
    chance = random.Random(seed)
    damaged: set[tuple[str, int]] = set()

    def damage(members: dict[str, bytes], _: dict[str, Any]) -> None:
        for table in TABLES:
            name = f"rows/{table}.ndjson"
            lines = members[name].splitlines()
            for number in range(len(lines)):
                if chance.random() < 0.2:
                    damaged.add((table, number))
                    lines[number] = broken(lines[number], chance)
            members[name] = b"".join(line + b"\n" for line in lines)

    archive = rewritten(kept, kept.with_name(f"{seed}.zip"), damage)

    # When it is imported
    ended = imported(worker, archive)

    # Then it has ended, and what was not damaged is there, if nothing that was damaged could have taken its place
    assert ended["status"] == "succeeded"
    assert missing(worker, kept, damaged) == []
    archive.unlink()


def broken(line: bytes, chance: random.Random) -> bytes:
    """The row with a field of a wrong value or without it, or half of it."""
    row: dict[str, Any] = json.loads(line)
    way = chance.random()
    if way < 0.1:
        return line[: len(line) // 2]
    field = chance.choice(list(row))
    if way < 0.3:
        return json.dumps({name: value for name, value in row.items() if name != field}).encode()
    fields = (f"{json.dumps(name)}: {chance.choice(WRONG) if name == field else json.dumps(value)}" for name, value in row.items())
    return ("{" + ", ".join(fields) + "}").encode()


def missing(worker: Resources, archive: Path, damaged: set[tuple[str, int]]) -> list[tuple[str, Any]]:
    """Undamaged rows that are not there, by table and key."""
    lost = []
    with zipfile.ZipFile(archive) as opened, psycopg.connect(worker.settings.database_url) as connection:
        for table in TABLES:
            if table == "transcript_files":
                continue
            rows = [json.loads(line) for line in opened.read(f"rows/{table}.ndjson").splitlines()]
            key = KEYS.get(table, "id")
            here = {str(value) for (value,) in connection.execute(f"SELECT {key} FROM {table}".encode())}
            sound = [str(row[key]) for number, row in enumerate(rows) if (table, number) not in damaged]
            if table in ("session_machines", "session_marks"):
                # They come with their session, which is of the other rows.
                sessions = {session_id for (session_id,) in connection.execute("SELECT session_id FROM sessions")}
                sound = [each for each in sound if each in sessions]
            lost += [(table, each) for each in sound if each not in here]
    return lost
