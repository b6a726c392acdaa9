"""The tables that are erased by their owner, and by whom their rows name. shared/tables says of which stage all others are."""

from collections.abc import Mapping
from typing import Final

from services.worker.persist.tombstones import Kind
from shared.tables.catalogue import TABLES
from shared.tables.table import WITH_OWNER, Holds, Owner, Table

_OF_SESSIONS: Final = "session_id IN (SELECT session_id FROM erasure_sessions WHERE erasure_id = %(erasure_id)s)"
# A page, or a search, of what is erased: its id or name is in the address.
_OF_VIEWS: Final[Mapping[Kind, str]] = {
    "user": """EXISTS (
    SELECT FROM unnest(%(encoded_names)s::text[], %(name_patterns)s::text[]) AS n (encoded, pattern)
    WHERE position('user=' || n.encoded || '&' IN saved_views.address || '&') > 0 OR saved_views.name ~* n.pattern)""",
    "project": """EXISTS (
    SELECT FROM unnest(%(project_ids)s::bigint[]) AS p (id)
    WHERE saved_views.address ~ ('(project(_id)?=|/projects/)' || p.id || '(&|$|/|\\?)'))""",
}
_VIEWS_OF_SESSIONS: Final = """EXISTS (
    SELECT FROM erasure_sessions AS e WHERE e.erasure_id = %(erasure_id)s AND position(e.session_id IN saved_views.address) > 0)"""


def erased_tables() -> list[Table]:
    """Those of this stage."""
    return [table for table in TABLES.values() if table.erased == WITH_OWNER]


def condition(table: Table, kind: Kind) -> str:
    """Which rows go: SQL over a row, with the parameters of the erasure."""
    found: list[str] = []
    if table.owner == Owner.SESSION:
        found.append(_OF_SESSIONS)
    if table.name == "saved_views":
        found += [_VIEWS_OF_SESSIONS, *filter(None, [_OF_VIEWS.get(kind)])]
    if kind == "project" and table.owner == Owner.PROJECT:
        found.append("project_id = ANY(%(project_ids)s)")
    if kind == "user":
        found += (f"{name} = ANY(%(names)s)" for name in table.named(Holds.USER_NAME))
        found += (f"{name} = ANY(%(user_ids)s)" for name in table.named(Holds.USER) if table.owner == Owner.USER)
    return " OR ".join(found) or "false"
