"""Proof of life, from 0008_canaries.sql."""

from pathlib import Path

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    sql = (Path(__file__).parent.parent / "0008_canaries.sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(sql.replace("%", "%%"))


def downgrade() -> None:
    op.drop_table("canaries")
