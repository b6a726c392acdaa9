"""Retention: its rules, its runs, and the base of the aggregates, from 0043_retention.sql. New tables and columns alone, in one transaction."""

from pathlib import Path

from alembic import op

revision = "0043"
down_revision = "0042"


def upgrade() -> None:
    sql = (Path(__file__).parent.parent / "0043_retention.sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(sql.replace("%", "%%"))


def downgrade() -> None:
    raise NotImplementedError("The release before does not look at it; leave it where it is.")
