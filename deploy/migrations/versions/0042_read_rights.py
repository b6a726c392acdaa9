"""Rights to read by person, from 0042_read_rights.sql. Columns and policies alone: each lock is for a moment, and no row is written."""

from pathlib import Path

from alembic import op

revision = "0042"
down_revision = "0041"


def upgrade() -> None:
    sql = (Path(__file__).parent.parent / "0042_read_rights.sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(sql.replace("%", "%%"))


def downgrade() -> None:
    raise NotImplementedError("The release before does not look at it; leave it where it is.")
