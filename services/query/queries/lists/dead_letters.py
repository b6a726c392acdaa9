"""Dead letters: grouped by reason, as a list, and one with its payload."""

from uuid import UUID

from msgspec import Struct
from msgspec.structs import asdict

from services.query.answers.operations import DeadLetter, DeadLetterGroup, DeadLetterPage
from services.query.database import Connection, fetch, fetch_first, rows
from services.query.queries.lists.paging import Paging, page
from shared.sql_files import SqlFile

_SQL = SqlFile(__package__, "dead_letters.sql")

_WAITING = "SELECT kind, count(*) AS number FROM dead_letters WHERE stored_at IS NULL GROUP BY kind"


class DeadLetterFilters(Struct, frozen=True):
    """The filters for dead letters; None matches any."""

    kind: str | None = None
    reason: str | None = None
    is_stored: bool = False


def dead_letters(connection: Connection, filters: DeadLetterFilters, paging: Paging) -> DeadLetterPage:
    """The newest first, the largest group first."""
    totals: list[int] = []
    groups = fetch(connection, DeadLetterGroup, _SQL.groups, asdict(filters), lambda row: totals.append(row.pop("total")))
    items, next_cursor = page(connection, DeadLetter, _SQL.letters, asdict(filters) | paging.after(id="uuid"), paging, ("id",))
    return DeadLetterPage(groups, totals[0] if totals else 0, items, next_cursor)


def dead_letter(connection: Connection, letter_id: UUID) -> tuple[DeadLetter, bytes] | None:
    """One dead letter, and its payload."""
    payloads: list[bytes] = []
    found = fetch_first(connection, DeadLetter, _SQL.letter, {"id": letter_id}, lambda row: payloads.append(bytes(row.pop("payload"))))
    return None if found is None else (found, payloads[0])


def waiting_by_kind(connection: Connection) -> dict[str, int]:
    """How many dead letters of each kind wait."""
    return {row["kind"]: row["number"] for row in rows(connection, _WAITING)}
