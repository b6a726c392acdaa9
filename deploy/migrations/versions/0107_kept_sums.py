"""Triggers keep all sums (docs/adr/0116-triggers-keep-all-sums.md)."""

from pathlib import Path

from alembic import op

revision = "0107"
down_revision = "0106"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8").replace("%", "%%"))


def downgrade() -> None:
    raise NotImplementedError("Restore a backup instead.")
