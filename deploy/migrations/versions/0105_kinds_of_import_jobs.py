"""Kinds of import jobs are named by their entries alone (docs/adr/0113-one-job-table.md)."""

from pathlib import Path

from alembic import op

revision = "0105"
down_revision = "0104"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8").replace("%", "%%"))


def downgrade() -> None:
    raise NotImplementedError("Restore a backup instead.")
