"""The stages of an erasure that are of a range of a session alone. All else of the session stays.

Rows of the range go with what they count for. The lines of that time are taken out of transcripts: a line without a time goes with the line before it.
A file's facts on the whole session stay, but for its times in the range, and its title, which may quote a text of then.
"""

from typing import Any, Final

from psycopg import Connection

from services.worker import lock_order
from services.worker.archive.scrub_contents import rewrite_some
from services.worker.importers.job.withdraw_rows import withdraw_rows
from services.worker.maintenance.erase.erase_rows import ROWS_AT_ONCE
from services.worker.maintenance.erase.erasure import Erasure
from services.worker.maintenance.scrub.scrub_stage import Step
from services.worker.maintenance.staged_job import Done
from services.worker.persist.persist_batch import LOCK_SESSIONS
from services.worker.row_tables import for_all
from services.worker.session_tables import session_tables
from services.worker.sessions.reattribution import update_session_rows
from services.worker.sessions.session_rebuild import rebuild_sessions
from services.worker.sql_text import sql
from shared.archive.lines_of_time import Span, without_lines
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "erase_range.sql")

_IN_RANGE: Final = "SELECT id FROM $table WHERE session_id = %(session_id)s AND occurred_at >= %(from_at)s AND occurred_at < %(to_at)s"
_NEXT_ROWS: Final = f"SELECT id FROM ({for_all(_IN_RANGE)}) AS own LIMIT %(rows_limit)s".encode()
_COUNT_ROWS: Final = f"SELECT count(*) FROM ({for_all(_IN_RANGE)}) AS own".encode()
# The begin of the session stays.
_BUT: Final = {"session_events": "AND kind <> 'start'"}
_NOTE_REWRITES: Final = "UPDATE transcript_files SET rewrites = rewrites + 1 WHERE session_id = %(session_id)s"


def _parameters(erasure: Erasure) -> dict[str, Any]:
    return {"session_id": erasure.names[0], "from_at": erasure.from_at, "to_at": erasure.to_at, "rows_limit": ROWS_AT_ONCE}


def erase_range_rows(erasure: Erasure, step: Step) -> Done:
    """The next rows of the range; at the end what else has a time in it, and titles."""
    connection, parameters = step.connection, _parameters(erasure)
    if step.is_dry_run:
        [(count,)] = connection.execute(_COUNT_ROWS, parameters).fetchall()
        return Done(None, {"rows": count} if count else {})
    lock_order.lock_import_order(connection)
    row_ids = [row_id for (row_id,) in connection.execute(_NEXT_ROWS, parameters).fetchall()]
    lock_order.lock_writing_exclusive(connection)
    if row_ids:
        session_ids = [parameters["session_id"]]
        withdraw_rows(connection, session_ids=session_ids, row_ids=row_ids, idle_gap=step.worker.idle_gap, is_of_wire_too=True)
        return Done("more", {"rows": len(row_ids)})
    deleted = _cut_session(connection, parameters | {"session_ids": [parameters["session_id"]], "idle_gap": step.worker.idle_gap})
    return Done(None, {table: count for table, count in deleted.items() if count})


def _cut_session(connection: Connection[Any], parameters: dict[str, Any]) -> dict[str, int]:
    """Deletes the session's other rows in the range, and cuts its facts: no time in the range, no title. {table: how many rows went}.

    A file that goes on gives its facts anew, by the lines that are left.
    """
    connection.execute(LOCK_SESSIONS, parameters)
    deleted = {
        name: connection.execute(sql(_SQL.delete, table=name, but=_BUT.get(name, "")).encode(), parameters).rowcount
        for name, table in session_tables().items()
        if "occurred_at" in table.named()
    }
    connection.execute(_SQL.cut_facts, parameters)
    rebuild_sessions(connection, parameters)
    update_session_rows(connection, parameters["session_ids"])
    return deleted


def erase_range_lines(erasure: Erasure, step: Step) -> Done:
    """Lines of the range, in captured ranges and archived contents. A content that changes is put under the hash that it has then."""
    assert erasure.from_at is not None
    assert erasure.to_at is not None
    span = Span(erasure.from_at, erasure.to_at)
    connection, session_id = step.connection, erasure.names[0]
    if step.after is None and not step.is_dry_run:
        connection.execute(_NOTE_REWRITES, {"session_id": session_id})
    done = rewrite_some(
        connection,
        step.worker.archive,
        session_id,
        step.after,
        lambda content: without_lines(content, [span]),
        is_dry_run=step.is_dry_run,
    )
    return Done(done.after, {"pieces of transcripts": done.changed} if done.changed else {})
