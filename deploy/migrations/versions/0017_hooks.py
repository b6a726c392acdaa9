"""What hooks say, from 0017_hooks.sql, and an index of the messages that only hooks have brought."""

from pathlib import Path

from alembic import op

revision = "0017"
down_revision = "0020"

# Events of clients may name the same source; no job brought them. What an interrupted try has left is of no use.
_INDEX = (
    "SET statement_timeout = '1h'",
    "DROP INDEX CONCURRENTLY IF EXISTS messages_of_hooks",
    "CREATE INDEX CONCURRENTLY messages_of_hooks ON messages (session_id) WHERE source = 'hook' AND brought_by IS NOT NULL",
)


def upgrade() -> None:
    sql = (Path(__file__).parent.parent / "0017_hooks.sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(sql.replace("%", "%%"))
    with op.get_context().autocommit_block():
        for statement in _INDEX:
            op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("The release before does not look at it; leave it where it is.")
