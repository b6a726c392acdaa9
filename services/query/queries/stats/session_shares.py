"""The share of each session that is within some dates: time, prompts, calls, files, tokens and cost, by its rows (session_shares.sql)."""

from collections.abc import Sequence
from datetime import datetime

from services.query.answers.lists import SessionShare
from services.query.database import Connection, fetch_by
from shared.sql_files import SqlFile

_SQL = SqlFile(__package__, "session_shares.sql", "parts.sql")


def session_shares(
    connection: Connection, session_ids: Sequence[str], start: datetime | None, end: datetime | None, idle_gap_seconds: int
) -> dict[str, SessionShare]:
    """{session_id: its share of [start, end)}; None is an open side. An id that is not known has none."""
    parameters = {"ids": list(session_ids), "start": start, "end": end, "idle_gap_seconds": idle_gap_seconds}
    return fetch_by(connection, SessionShare, "session_id", _SQL.shares, parameters)
