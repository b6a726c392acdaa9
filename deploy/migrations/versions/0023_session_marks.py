"""Session marks, from 0023_session_marks.sql, and an index of what people said."""

from pathlib import Path

from alembic import op

revision = "0023"
down_revision = "0022"

# The prompt that led to a change of a file is one look-up. What an interrupted try has left is of no use.
_INDEX = (
    "SET statement_timeout = '1h'",
    "DROP INDEX CONCURRENTLY IF EXISTS messages_prompts",
    "CREATE INDEX CONCURRENTLY messages_prompts ON messages (session_id, occurred_at DESC, id DESC) WHERE role = 'user' AND agent_id IS NULL",
)


def upgrade() -> None:
    sql = (Path(__file__).parent.parent / "0023_session_marks.sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(sql.replace("%", "%%"))
    with op.get_context().autocommit_block():
        for statement in _INDEX:
            op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("The release before does not look at it; leave it where it is.")
