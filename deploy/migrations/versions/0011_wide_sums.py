"""Sums that cannot overflow, from 0011_wide_sums.sql."""

from pathlib import Path

from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    sql = (Path(__file__).parent.parent / "0011_wide_sums.sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(sql.replace("%", "%%"))


def downgrade() -> None:
    raise NotImplementedError("The release before reads numeric as well; leave it as it is.")
