"""Statements of different modules that must have the same condition have it."""

import re
from pathlib import Path

import pytest

from services.worker.sweep import sweep_statements
from shared.sessions.open_sessions import is_open

ROOT = Path(__file__).parent.parent.parent.parent


def one_line(statement: str) -> str:
    return " ".join(statement.split())


@pytest.mark.parametrize(
    ("look", "act"),
    [
        (sweep_statements.IDLE_SESSIONS, sweep_statements.CLOSE_IDLE_SESSIONS),
        (sweep_statements.GONE_CONSUMERS, sweep_statements.DELETE_GONE_CONSUMERS),
        (sweep_statements.UNSWEPT_UPLOADS, sweep_statements.FORGET_FILES),
        (sweep_statements.CAPTURED_FILES_WAIT, sweep_statements.DUE_CAPTURED_FILES),
    ],
    ids=["idle sessions", "gone consumers", "files of failed jobs", "captured transcripts"],
)
def test_a_task_finds_what_beat_has_seen(look: str, act: str) -> None:
    condition = one_line(look).partition(" WHERE ")[2].removesuffix(" LIMIT 1").removesuffix(" OR finished_at > to_timestamp(%(since)s)")
    assert condition in one_line(act)


def test_the_index_of_open_sessions_has_their_condition() -> None:
    schema = one_line((ROOT / "deploy/migrations/schema/03_sessions.sql").read_text(encoding="utf-8"))

    index = re.search(r"CREATE INDEX sessions_open ON sessions \(last_event_at\) WHERE (.*?);", schema)

    assert index
    assert index[1] == is_open().replace("sessions.", "")
