"""Archived transcripts that could not be read when somebody last tried (services/worker/archive/segments.py)."""

from services.query.answers.operations import DamagedTranscript
from services.query.database import Connection, fetch
from shared.sql_files import SqlFile

_SQL = SqlFile(__package__, "archive_damage.sql")

_MOST = 100


def damaged_transcripts(connection: Connection) -> list[DamagedTranscript]:
    """The first hundred, the oldest find first."""
    return fetch(connection, DamagedTranscript, _SQL.damaged, {"most": _MOST})
