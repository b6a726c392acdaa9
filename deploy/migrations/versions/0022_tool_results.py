"""Tool results, from 0022_tool_results.sql."""

from pathlib import Path

from alembic import op

revision = "0022"
down_revision = "0021"

# What an interrupted try has left is of no use.
_INDEX = (
    "SET statement_timeout = '1h'",
    "DROP INDEX CONCURRENTLY IF EXISTS activities_by_call",
    "CREATE INDEX CONCURRENTLY activities_by_call ON activities (tool_call_id) WHERE tool_call_id IS NOT NULL",
)


def upgrade() -> None:
    sql = (Path(__file__).parent.parent / "0022_tool_results.sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(sql.replace("%", "%%"))
    with op.get_context().autocommit_block():
        for statement in _INDEX:
            op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("The release before does not look at it; leave it where it is.")
