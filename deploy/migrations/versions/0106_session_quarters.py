"""The sums of each session's rows, by quarter of an hour (docs/adr/0115-what-rows-count-for-stands-by-session.md)."""

from pathlib import Path

from alembic import op

revision = "0106"
down_revision = "0105"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8").replace("%", "%%"))


def downgrade() -> None:
    raise NotImplementedError("Restore a backup instead.")
