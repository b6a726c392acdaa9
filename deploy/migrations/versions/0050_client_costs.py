"""What Claude Code counted for a session, from 0050_client_costs.sql."""

from pathlib import Path

from alembic import op

revision = "0050"
down_revision = "0049"

# What an interrupted try has left is of no use.
_INDEXES = (
    "SET statement_timeout = '1h'",
    "DROP INDEX CONCURRENTLY IF EXISTS sessions_by_client_count",
    "CREATE INDEX CONCURRENTLY sessions_by_client_count ON sessions ((snapshot->>'client_started_ms')) WHERE snapshot ? 'client_started_ms'",
)


def upgrade() -> None:
    sql = (Path(__file__).parent.parent / "0050_client_costs.sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(sql.replace("%", "%%"))
    with op.get_context().autocommit_block():
        for statement in _INDEXES:
            op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("The release before does not look at it; leave it where it is.")
