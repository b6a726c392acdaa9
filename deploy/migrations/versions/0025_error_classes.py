"""Error classes, from 0025_error_classes.sql."""

from pathlib import Path

from alembic import op

revision = "0025"
down_revision = "0024"

# What an interrupted try has left is of no use.
_INDEX = (
    "SET statement_timeout = '1h'",
    "DROP INDEX CONCURRENTLY IF EXISTS tool_calls_failed",
    "CREATE INDEX CONCURRENTLY tool_calls_failed ON tool_calls (occurred_at DESC, id DESC)"
    " INCLUDE (project_id, user_id, tool_name, error_class) WHERE status IN ('error', 'timeout', 'rejected', 'cancelled')",
)


def upgrade() -> None:
    sql = (Path(__file__).parent.parent / "0025_error_classes.sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(sql.replace("%", "%%"))
    with op.get_context().autocommit_block():
        for statement in _INDEX:
            op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("The release before does not look at it; leave it where it is.")
