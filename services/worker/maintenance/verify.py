"""`python -m services.worker.maintenance.verify`: recomputes all sums from the rows and the base, and compares; exits 1 if a cell differs, or the account.

Reads one snapshot, so it may run while events come in. The expected cells are computed over all rows at once, by what keep_sums was told
(deploy/migrations/versions/0107_kept_sums.sql).

With `--archive` it reads all archived transcripts instead, and names those that cannot be read.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import dict_row

from services.worker.archive.check_archive import damaged_files
from services.worker.drain.accounting import check_accounting, equation
from services.worker.maintenance.command import with_worker
from services.worker.resources import Resources
from services.worker.sessions.session_rebuild import all_sessions
from services.worker.sessions.session_titles import EXPECTED_TITLES, STORED_TITLES
from services.worker.sessions.session_totals import FROM_SNAPSHOT, SUMMED
from services.worker.sql_text import listed, sql, union_all
from shared.journal.accounting import Accounting
from shared.sql_files import SqlFile
from shared.tables.sums import BASE

_SQL: Final = SqlFile(__package__, "verify.sql")

# A session that retention is just dropping has lost some rows already. The base has their sums.
_OF_WHOLE_SESSIONS: Final = _SQL.of_whole_sessions


@dataclass(frozen=True, slots=True)
class Check:
    """Two SELECTs and the columns of them that are compared. A row with nothing in all of `measures`, which are SQL, is the same as no row."""

    name: str
    stored: str
    expected: str
    columns: tuple[str, ...]
    measures: tuple[str, ...] = ()

    def where(self) -> str:
        """The condition that there is something in a row."""
        zeros = ", ".join("0" * len(self.measures))
        return sql("WHERE ($measures)\n   <> ($zeros)", measures=listed(self.measures), zeros=zeros) if self.measures else ""

    def statement(self) -> str:
        """Counts the rows that differ."""
        where = self.where()
        stored, expected = (
            sql(_SQL.cells, columns=listed(self.columns), cells=cells, where=where) for cells in (self.stored, self.expected)
        )
        return sql(_SQL.differing, stored=stored, expected=expected)


def checks(connection: Connection[Any]) -> dict[str, Check]:
    """By name: sessions first, then each table of sums."""
    own = listed(
        f"CASE WHEN {FROM_SNAPSHOT[name]} THEN 0 ELSE coalesce({name}, 0) END AS {name}" if name in FROM_SNAPSHOT else name
        for name in SUMMED
    )
    spans = ("session_id", "started_at", "ended_at", "first_event_at", "last_event_at", "active_ranges", "snapshot")
    counted = union_all((_SQL.counted_under, *(sql(_SQL.base_counted_under, base=base) for base in BASE)))
    to_count = union_all((_SQL.to_count_under, *(sql(_SQL.base_to_count_under, base=base) for base in BASE)))
    found = [
        _check_of_sessions("sessions", sql(_SQL.stored_sessions, sums=own), all_sessions(), ("session_id", *SUMMED), SUMMED),
        _check_of_sessions("session spans", "SELECT * FROM sessions WHERE counted", all_sessions(), spans),
        _check_of_sessions("session titles", STORED_TITLES, EXPECTED_TITLES, ("session_id", "title", "title_source")),
        Check("session projects", counted, to_count, ("session_id", "project_id")),
    ]
    return {check.name: check for check in (*found, *sums(connection))}


def sums(connection: Connection[Any]) -> list[Check]:
    """Those of the tables of sums, in an order in which they can be made again."""
    days = Check("active_days", "SELECT * FROM active_days", sql(_SQL.active_days), ("project_id", "user_id", "day", "ranges"))
    with connection.cursor(row_factory=dict_row) as cursor:
        kept = cursor.execute(_SQL.kept_sums).fetchall()
    if not kept:
        raise RuntimeError("The table kept_sums is empty, so nothing says how sums add up; restore the database from a backup.")
    return [
        days,
        *(
            Check(each["sums"], f"SELECT * FROM {each['sums']}", each["anew"], tuple(each["columns"]), tuple(each["measures"]))
            for each in kept
        ),
    ]


def _check_of_sessions(name: str, stored: str, expected: str, columns: tuple[str, ...], measures: tuple[str, ...] = ()) -> Check:
    return Check(name, sql(_OF_WHOLE_SESSIONS, sessions=stored), sql(_OF_WHOLE_SESSIONS, sessions=expected), columns, measures)


def differing(connection: Connection[Any], check: Check, idle_gap: timedelta) -> int:
    """How many cells are not what the rows say."""
    [(cells,)] = connection.execute(check.statement().encode(), {"idle_gap": idle_gap}).fetchall()
    return int(cells)


def verify(connection: Connection[Any], idle_gap: timedelta) -> dict[str, int]:
    """Differing cells by aggregate; all 0 if nothing drifted. Needs a connection outside a transaction."""
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        connection.execute("SET LOCAL statement_timeout = 0")
        connection.execute("SET LOCAL work_mem = '256MB'")
        return {name: differing(connection, check, idle_gap) for name, check in checks(connection).items()}


def _verify(worker: Resources) -> tuple[dict[str, int], Accounting]:
    with worker.connection() as connection:
        differences = verify(connection, worker.idle_gap)
    return differences, check_accounting(worker)


def verify_archive(worker: Resources) -> int:
    """Prints a line for each archived file that cannot be read, and their number. Gives the number."""
    number = 0
    for file in damaged_files(worker):
        number += 1
        origin = f"of machine {file.machine}" if file.machine else "of an import"
        print(f"session {file.session_id}: {file.file_name} ({origin}) is {file.reason} in the archive")
    print(f"{'archive':20} {'ok' if number == 0 else f'{number} files cannot be read; restore them from a backup, or import them again'}")
    return number


def main(arguments: Sequence[str] = ()) -> int:
    """Prints a line for each aggregate, and one for the journal's account; 1 if anything differs or cannot be read."""
    if "--archive" in arguments:
        damaged = with_worker(verify_archive, failure="The archive cannot be verified while a server is away")
        return 0 if damaged == 0 else 1
    found = with_worker(_verify, failure="Nothing can be verified while a server is away")
    if found is None:
        return 1
    differences, accounts = found
    for name, cells in differences.items():
        print(f"{name:20} {'ok' if cells == 0 else f'{cells} cells differ from the rows'}")
    print(f"{'accounting':20} {equation(accounts)}")
    return 1 if any(differences.values()) or accounts.drift else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
