"""Prices in use, prices of one's own, and runs that price anew, from 0051_prices.sql. New tables and columns alone, in one transaction."""

from pathlib import Path

from alembic import op

revision = "0051"
down_revision = "0050"


def upgrade() -> None:
    sql = (Path(__file__).parent.parent / "0051_prices.sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(sql.replace("%", "%%"))


def downgrade() -> None:
    raise NotImplementedError("The release before does not look at it; leave it where it is.")
