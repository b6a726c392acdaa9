"""Whose copied rows are, and who reads what dropped sessions counted, from 0061_sessions.sql."""

from pathlib import Path

from alembic import op

revision = "0061"
down_revision = "0057"


def upgrade() -> None:
    sql = (Path(__file__).parent.parent / "0061_sessions.sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(sql.replace("%", "%%"))


def downgrade() -> None:
    raise NotImplementedError("Claims may be stored; leave the column where it is.")
