"""Titles by one rule, from 0039_titles.sql; those of the sessions that are stored, from 0039_fill.sql.

To fill keeps out workers, not readers. It reads the first prompts of each session and its facts.
"""

from pathlib import Path

from alembic import op

revision = "0039"
down_revision = "0038"

# As in the view asked_commands, word for word. What an interrupted try has left is of no use.
_INDEX = (
    "SET statement_timeout = '1h'",
    "DROP INDEX CONCURRENTLY IF EXISTS timeline_entries_asked",
    "CREATE INDEX CONCURRENTLY timeline_entries_asked ON timeline_entries (session_id, occurred_at, id)"
    " WHERE kind = 'command' AND agent_id IS NULL AND details ->> 'type' = 'prompt'",
)


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_sql("0039_titles.sql"))
    with op.get_context().autocommit_block():
        for statement in _INDEX:
            op.execute(statement)
        op.get_bind().exec_driver_sql(f"BEGIN;\n{_sql('0039_fill.sql')}\nCOMMIT")


def _sql(name: str) -> str:
    return (Path(__file__).parent.parent / name).read_text(encoding="utf-8").replace("%", "%%")


def downgrade() -> None:
    raise NotImplementedError("The release before does not look at it; leave it where it is.")
