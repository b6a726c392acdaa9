"""Runs the migrations. Safe while the services run: lock and statement time-outs, a transaction each, one migrator at a time.

A statement that waits for a table lock blocks every later one. So a migration waits half a second, which is less than ingest waits for
Postgres, and tries again later (lock_retry.py).
"""

from alembic import context
from sqlalchemy import NullPool, create_engine, text

from deploy.migrations.first_schema import RefusedSchemaError, refusal
from shared.database import connect_options, sqlalchemy_url

# Any constant. Two migrators that start together run one after the other.
ADVISORY_LOCK = 0x_C1A0DE

options = connect_options(statement_timeout_ms=60_000, lock_timeout_ms=500, read_only=False)
engine = create_engine(
    sqlalchemy_url(context.config.get_main_option("sqlalchemy.url") or ""),
    connect_args=options | {"application_name": "tracker-migrate"},
    # A failed connection is closed, which frees its advisory lock for the next try.
    poolclass=NullPool,
)
with engine.connect() as connection:
    connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": ADVISORY_LOCK})
    connection.commit()
    context.configure(connection=connection, transaction_per_migration=True)
    if (reason := refusal(context.get_context().get_current_revision(), "This database")) is not None:
        raise RefusedSchemaError(reason)
    connection.commit()
    with context.begin_transaction():
        context.run_migrations()
engine.dispose()
