"""The tables that are erased by their owner, and by whom their rows name. shared/tables says of which stage all others are.

A user or project has its own sessions, and those that no other owns yet, of which any table has its id or name.
"""

from collections.abc import Mapping
from typing import Final

from services.worker.persist.tombstones import Kind
from services.worker.session_tables import KEYS_OF_SESSIONS, session_tables, tables_beside
from services.worker.sql_text import sql
from shared.tables.catalogue import TABLES
from shared.tables.table import WITH_OWNER, Holds, Owner, Table

_PROJECTS: Final = ("project_id", "path_project_id")
# They wait for live capture, or an undo has left them.
_OF_NOBODY: Final = (
    "SELECT session_id FROM $table AS t LEFT JOIN sessions AS s USING (session_id) WHERE ($named) AND coalesce(s.$owner, 0) = 0"
)
# Readings or telemetry came of them and nothing else, from a machine of the person.
_OF_MACHINES: Final = """SELECT session_id FROM $table AS t JOIN machines AS m USING (machine_id) LEFT JOIN sessions AS s USING (session_id)
    WHERE m.user_name = ANY(%(names)s) AND s.session_id IS NULL"""
_OWN: Final[Mapping[Kind, str]] = {
    "session": "SELECT unnest(%(names)s::text[]) AS session_id",
    "user": "SELECT session_id FROM sessions WHERE user_id = ANY(%(user_ids)s)",
    "project": "SELECT session_id FROM sessions WHERE project_id = ANY(%(project_ids)s) OR path_project_id = ANY(%(project_ids)s)",
}
_NAMED_PROJECT: Final = "SELECT $column FROM $table WHERE session_id IN (SELECT session_id FROM own)"
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


def sessions_of(kind: Kind) -> str:
    """Selects the sessions, with the parameters of the erasure."""
    found = [_OWN[kind]]
    for name, table in session_tables().items() if kind in ("user", "project") else ():
        # Whom starts and facts name is a session's, and nobody can write meanwhile.
        if name not in KEYS_OF_SESSIONS and (named := " OR ".join(_naming(table, kind))):
            found.append(sql(_OF_NOBODY, table=name, named=named, owner=f"{kind}_id"))
    if kind == "user":
        found += (sql(_OF_MACHINES, table=table.name) for table in tables_beside() if "machine_id" in table.named())
    return " UNION ".join(found)


def _naming(table: Table, kind: Kind) -> list[str]:
    """Which rows have the id or name of the user or project: conditions."""
    if kind == "project":
        return [f"t.{name} = ANY(%(project_ids)s)" for name in _PROJECTS if name in table.named()]
    return [f"t.{name} = ANY(%(names)s)" for name in table.named(Holds.USER_NAME)] + [
        f"t.{name} = ANY(%(user_ids)s)" for name in table.named(Holds.USER)
    ]


def projects_of_sessions() -> str:
    """Selects the projects that the sessions of `own` name."""
    tables = (TABLES["sessions"], *session_tables().values())
    return " UNION ".join(
        sql(_NAMED_PROJECT, table=table.name, column=name) for table in tables for name in _PROJECTS if name in table.named()
    )


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
