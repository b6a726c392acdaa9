"""Which of an export's rows a key may bring: what it may do by the API too. It is decided where a request is (shared/auth/scopes.py), in the transaction
that stores the rows.

Data that a key sent before it was revoked is stored: it was accepted. Rows that need more than `ingest` are refused, as the API refuses them.
"""

from collections.abc import Mapping
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import dict_row

from services.worker.importers.formats.exported_rows import RECORD_TABLES
from shared.auth.keys import Grant
from shared.auth.scopes import ADMIN, INGEST, READ, Required
from shared.sql_files import SqlFile

_KEY: Final = SqlFile(__package__, "rights.sql").key

# persist/ownership.py decides row by row whether a bound key may write them.
_SENT: Final = Required(INGEST)
# A shipper tells of any machine, as a key may that is not bound.
_OF_MACHINES: Final = Required(INGEST, all_projects=True)

PRICES: Final = "prices of calls"
# By kind of row. Every other kind is brought by admins.
_RIGHTS: Final[Mapping[str, Required]] = {
    **dict.fromkeys((*RECORD_TABLES, "transcript_files"), _SENT),
    **dict.fromkeys(("machines", "session_machines", "project_places"), _OF_MACHINES),
    "saved_views": Required(INGEST, also=READ, all_projects=True),
}


def required(kind: str) -> Required:
    """The right that rows of a kind need."""
    return _RIGHTS.get(kind, Required(ADMIN))


def refusal(connection: Connection[Any], job_number: int, kind: str) -> str | None:
    """Why rows of a kind are left out, as the job's summary says it; None if its key may bring them. Without a key, everything may be brought."""
    with connection.cursor(row_factory=dict_row) as cursor:
        [row] = cursor.execute(_KEY, {"job_number": job_number}).fetchall()
    if row["key_id"] is None:
        return None
    projects = row["project_ids"]
    grant = Grant(
        row["key_id"],
        frozenset(row["scopes"]) & INGEST if row["is_revoked"] else frozenset(row["scopes"]),
        user=row["user_name"],
        project_ids=None if projects is None else tuple(projects),
        users=None if row["user_name"] is None else (row["user_name"],),
    )
    needed = required(kind)
    match needed.lacked_by(grant):
        case "scope":
            return f"{kind}: they need a key with the scope {needed.names}"
        case "binding":
            return f"{kind}: they need a key that is not bound"
    return None
