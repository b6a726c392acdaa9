"""Weeks as a grain and vectors of counters, from 0002_weeks.sql."""

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    sql = (Path(__file__).parent.parent / "0002_weeks.sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(sql.replace("%", "%%"))


def downgrade() -> None:
    raise NotImplementedError("The rollups of the release before are gone; restore a backup instead.")
