"""Session marks, from 0023_session_marks.sql."""

from pathlib import Path

from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    sql = (Path(__file__).parent.parent / "0023_session_marks.sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(sql.replace("%", "%%"))


def downgrade() -> None:
    raise NotImplementedError("The release before does not look at it; leave it where it is.")
