"""Redaction of imports and of stored rows, from 0005_redaction.sql."""

from pathlib import Path

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    sql = (Path(__file__).parent.parent / "0005_redaction.sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(sql.replace("%", "%%"))


def downgrade() -> None:
    raise NotImplementedError("What was redacted does not come back; restore a backup instead.")
