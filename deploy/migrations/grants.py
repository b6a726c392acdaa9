"""The rights of each service in Postgres, as shared/tables says them of each table. `migrate` applies them after the migrations.

deploy/postgres/roles.sql makes the roles; without roles, as in the embedded stack, nothing is granted. A role has no other rights than these, so a new
table is closed until the catalogue has it. The contract tests run the services under these roles.
"""

from typing import Final

import psycopg
from psycopg import sql

from shared.tables.catalogue import TABLES
from shared.tables.table import READ

INGEST, QUERY, WORKER = "tracker_ingest", "tracker_query", "tracker_worker"
ROLES: Final = (INGEST, QUERY, WORKER)
# Each with its readers. The worker makes titles of what sessions were asked.
VIEWS: Final = dict.fromkeys(("asked_commands", "asks"), (QUERY, WORKER)) | dict.fromkeys(
    ("whole_projects", "api_call_costs", "session_client_costs"), (QUERY,)
)


def grants(role: str) -> dict[str, str]:
    """{table or view: rights}, as GRANT takes them."""
    tables = {table.name: {INGEST: table.ingest, QUERY: table.query, WORKER: table.worker}[role] for table in TABLES.values()}
    granted = {name: TABLES[name].granted(rights) for name, rights in tables.items() if rights}
    return granted | {view: READ for view, readers in VIEWS.items() if role in readers}


def grant(database_url: str) -> None:
    """Grants the existing roles their rights and revokes all others, in one transaction, so that no role lacks its rights meanwhile."""
    with psycopg.connect(database_url, connect_timeout=5, application_name="tracker-migrate") as connection:
        for role in ROLES:
            if connection.execute("SELECT to_regrole(%s)", (role,)).fetchone() != (None,):
                _grant(connection, role)


def _grant(connection: psycopg.Connection, role: str) -> None:
    # Two migrations at a time would update the same rows of the catalog.
    connection.execute("SELECT pg_advisory_xact_lock(hashtext('tracker.grants'))")
    name = sql.Identifier(role)
    connection.execute(sql.SQL("ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON TABLES FROM {}").format(name))
    connection.execute(sql.SQL("ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON SEQUENCES FROM {}").format(name))
    connection.execute(sql.SQL("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {}").format(name))
    connection.execute(sql.SQL("REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {}").format(name))
    for table, rights in grants(role).items():
        connection.execute(f'GRANT {rights} ON "{table}" TO {role}'.encode())
