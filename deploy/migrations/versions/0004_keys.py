"""API keys, an audit log, and what a bound key can see, from 0004_keys.sql."""

from pathlib import Path

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    sql = (Path(__file__).parent.parent / "0004_keys.sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(sql.replace("%", "%%"))


def downgrade() -> None:
    raise NotImplementedError("The older services would take requests without keys; restore a backup instead.")
