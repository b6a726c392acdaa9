"""Projects that are one, from 0046_one_project.sql; the indexes of two large tables are made beside running services."""

from pathlib import Path

from alembic import op

revision = "0046"
down_revision = "0045"

# What an interrupted try has left is of no use.
_INDEXES = (
    "SET statement_timeout = '1h'",
    "DROP INDEX CONCURRENTLY IF EXISTS sessions_by_path_project",
    "CREATE INDEX CONCURRENTLY sessions_by_path_project ON sessions (path_project_id) WHERE path_project_id IS NOT NULL",
    "DROP INDEX CONCURRENTLY IF EXISTS messages_by_path_project",
    "CREATE INDEX CONCURRENTLY messages_by_path_project ON messages (path_project_id) WHERE path_project_id IS NOT NULL",
)


def upgrade() -> None:
    sql = (Path(__file__).parent.parent / "0046_one_project.sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(sql.replace("%", "%%"))
    with op.get_context().autocommit_block():
        for statement in _INDEXES:
            op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("The release before does not look at it; leave it where it is.")
