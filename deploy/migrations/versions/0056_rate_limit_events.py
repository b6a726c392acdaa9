"""A third source of the quota, from 0056_rate_limit_events.sql."""

from pathlib import Path

from alembic import op

revision = "0056"
down_revision = "0055"


def upgrade() -> None:
    sql = (Path(__file__).parent.parent / "0056_rate_limit_events.sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(sql.replace("%", "%%"))


def downgrade() -> None:
    raise NotImplementedError("Readings of the new source may be stored; leave it where it is.")
