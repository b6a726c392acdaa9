"""The changes of sessions that each query host follows, to keep an index of them."""

from pathlib import Path

from alembic import op

revision = "0101"
down_revision = "0100"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8").replace("%", "%%"))


def downgrade() -> None:
    raise NotImplementedError("Restore a backup instead.")
