"""Exact accounting of the journal, from 0006_accounting.sql."""

from pathlib import Path

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    sql = (Path(__file__).parent.parent / "0006_accounting.sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(sql.replace("%", "%%"))


def downgrade() -> None:
    raise NotImplementedError("Without its tables a worker would count twice what it is given twice; restore a backup instead.")
