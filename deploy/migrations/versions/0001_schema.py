"""The whole schema, from 0001_schema.sql."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    sql = (Path(__file__).parent.parent / "0001_schema.sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(sql.replace("%", "%%"))


def downgrade() -> None:
    raise NotImplementedError("There is nothing before the first schema; restore a backup instead.")
