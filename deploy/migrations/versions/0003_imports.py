"""Imports of everything that Claude Code keeps, from 0003_imports.sql."""

from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    sql = (Path(__file__).parent.parent / "0003_imports.sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(sql.replace("%", "%%"))


def downgrade() -> None:
    raise NotImplementedError("The rows of imports have no place in the older schema; restore a backup instead.")
