"""Reparse, from 0020_reparse.sql."""

from pathlib import Path

from alembic import op

revision = "0020"
down_revision = "0016"


def upgrade() -> None:
    sql = (Path(__file__).parent.parent / "0020_reparse.sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(sql.replace("%", "%%"))


def downgrade() -> None:
    raise NotImplementedError("The release before does not look at it; leave it where it is.")
