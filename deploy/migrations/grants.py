"""The rights of each service in Postgres, as shared/tables says them of each table. `migrate` applies them after the migrations.

deploy/postgres/roles.sql makes the roles; without roles, as in the embedded stack, nothing is granted. A role has no other rights than these, so a new
table is closed until the catalogue has it. The contract tests run the services under these roles.
"""

from typing import Final

import psycopg
from psycopg import sql

from shared.tables.catalogue import TABLES
from shared.tables.table import READ, Owner, Table

INGEST, QUERY, WORKER = "tracker_ingest", "tracker_query", "tracker_worker"
ROLES: Final = (INGEST, QUERY, WORKER)
# Each with its readers. The worker makes titles of what sessions were asked.
VIEWS: Final = dict.fromkeys(("asked_commands", "asks"), (QUERY, WORKER)) | dict.fromkeys(
    ("whole_projects", "api_call_costs", "session_client_costs"), (QUERY,)
)

# Tables that have no policy yet, each with the table that its rows go with, and the columns by which they do: the foreign key's. A row of a session
# may come before that.
_WITHOUT_POLICY: Final = """
    SELECT w.name, w.owner, coalesce(c.attname, 'session_id'), coalesce(p.attname, 'session_id')
    FROM unnest(%s::text[], %s::text[]) AS w (name, owner)
    LEFT JOIN pg_constraint AS k ON w.owner <> 'sessions' AND k.contype = 'f' AND cardinality(k.conkey) = 1
        AND (k.conrelid, k.confrelid) = (w.name::regclass, w.owner::regclass)
    LEFT JOIN pg_attribute AS c ON (c.attrelid, c.attnum) = (k.conrelid, k.conkey[1])
    LEFT JOIN pg_attribute AS p ON (p.attrelid, p.attnum) = (k.confrelid, k.confkey[1])
    WHERE (w.owner = 'sessions' OR k.oid IS NOT NULL) AND NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = w.name::regclass)"""
# OFFSET 0: each row's owner is looked up. Planners would read all sessions first, also for a page.
_POLICY: Final = """CREATE POLICY bound ON {table} FOR SELECT TO tracker_bound USING (
    EXISTS (SELECT FROM {owner} AS o WHERE o.{key} = {table}.{column} OFFSET 0))"""


def grants(role: str) -> dict[str, str]:
    """{table or view: rights}, as GRANT takes them."""
    tables = {table.name: {INGEST: table.ingest, QUERY: table.query, WORKER: table.worker}[role] for table in TABLES.values()}
    granted = {name: TABLES[name].granted(rights) for name, rights in tables.items() if rights}
    return granted | {view: READ for view, readers in VIEWS.items() if role in readers}


def grant(database_url: str) -> None:
    """Grants the existing roles their rights and revokes all others, in one transaction, so that no role lacks its rights meanwhile.

    A bound key gets what goes with sessions that it sees, where query reads the whole table and no migration has said which rows.
    """
    with psycopg.connect(database_url, connect_timeout=5, application_name="tracker-migrate", options="-c lock_timeout=500") as connection:
        # Two migrations at a time would update the same rows of the catalog.
        connection.execute("SELECT pg_advisory_xact_lock(hashtext('tracker.grants'))")
        _police(connection)
        for role in ROLES:
            if connection.execute("SELECT to_regrole(%s)", (role,)).fetchone() != (None,):
                _grant(connection, role)


def _grant(connection: psycopg.Connection, role: str) -> None:
    name = sql.Identifier(role)
    connection.execute(sql.SQL("ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON TABLES FROM {}").format(name))
    connection.execute(sql.SQL("ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON SEQUENCES FROM {}").format(name))
    connection.execute(sql.SQL("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {}").format(name))
    connection.execute(sql.SQL("REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {}").format(name))
    for table, rights in grants(role).items():
        connection.execute(f'GRANT {rights} ON "{table}" TO {role}'.encode())


def _police(connection: psycopg.Connection) -> None:
    owners = {
        table.name: "sessions" if table.owner == Owner.SESSION else table.owner for table in TABLES.values() if _goes_with_sessions(table)
    }
    for table, owner, column, key in connection.execute(_WITHOUT_POLICY, (list(owners), list(owners.values()))).fetchall():
        names = {"table": table, "owner": owner, "column": column, "key": key}
        connection.execute(sql.SQL(_POLICY).format(**{name: sql.Identifier(value) for name, value in names.items()}))
        connection.execute(sql.SQL("ALTER TABLE {} ENABLE ROW LEVEL SECURITY").format(sql.Identifier(table)))
        connection.execute(sql.SQL("GRANT SELECT ON {} TO tracker_bound").format(sql.Identifier(table)))


def _goes_with_sessions(table: Table) -> bool:
    owner = table
    while owner.owner in TABLES:
        owner = TABLES[owner.owner]
    return table.query == READ and owner.owner == Owner.SESSION
