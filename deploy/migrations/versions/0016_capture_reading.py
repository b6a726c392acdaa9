"""The attempts at reading captured transcripts, from 0016_capture_reading.sql."""

from pathlib import Path

from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    sql = (Path(__file__).parent.parent / "0016_capture_reading.sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(sql.replace("%", "%%"))


def downgrade() -> None:
    raise NotImplementedError("The release before does not look at it; leave it where it is.")
