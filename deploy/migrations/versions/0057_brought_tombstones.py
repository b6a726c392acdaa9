"""Tombstones that an export takes along, from 0057_brought_tombstones.sql."""

from pathlib import Path

from alembic import op

revision = "0057"
down_revision = "0056"


def upgrade() -> None:
    sql = (Path(__file__).parent.parent / "0057_brought_tombstones.sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(sql.replace("%", "%%"))


def downgrade() -> None:
    raise NotImplementedError("Brought tombstones may be stored; leave it where it is.")
