"""The key that sent a reading of the quota, from 0064_quota_of_keys.sql."""

from pathlib import Path

from alembic import op

revision = "0064"
down_revision = "0057"


def upgrade() -> None:
    sql = (Path(__file__).parent.parent / "0064_quota_of_keys.sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(sql.replace("%", "%%"))


def downgrade() -> None:
    raise NotImplementedError("Readings of keys may be stored; leave it where it is.")
