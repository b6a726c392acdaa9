"""What the prompt cache saved, from 0028_cache_savings.sql, and an index of the calls of which it is not known yet."""

from pathlib import Path

from alembic import op

revision = "0028"
down_revision = "0027"

# Has no entries once the worker has gone over what is stored. What an interrupted try has left is of no use.
_INDEX = (
    "SET statement_timeout = '1h'",
    "DROP INDEX CONCURRENTLY IF EXISTS api_calls_without_saving",
    "CREATE INDEX CONCURRENTLY api_calls_without_saving ON api_calls (occurred_at, id)"
    " WHERE cost_nano_usd IS NOT NULL AND cache_saved_nano_usd IS NULL",
)


def upgrade() -> None:
    sql = (Path(__file__).parent.parent / "0028_cache_savings.sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(sql.replace("%", "%%"))
    with op.get_context().autocommit_block():
        for statement in _INDEX:
            op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("The release before does not look at it; leave it where it is.")
