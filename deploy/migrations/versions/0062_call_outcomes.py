"""What came of calls, from 0062_call_outcomes.sql."""

from pathlib import Path

from alembic import op

revision = "0062"
down_revision = "0057"


def upgrade() -> None:
    sql = (Path(__file__).parent.parent / "0062_call_outcomes.sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(sql.replace("%", "%%"))


def downgrade() -> None:
    raise NotImplementedError("Outcomes may be stored; leave the column where it is.")
