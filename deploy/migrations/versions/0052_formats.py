"""What Claude Code writes and nothing reads; who allowed a call, and how much Claude thought, from 0052_formats.sql."""

from pathlib import Path

from alembic import op

revision = "0052"
down_revision = "0051"


def upgrade() -> None:
    sql = (Path(__file__).parent.parent / "0052_formats.sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(sql.replace("%", "%%"))


def downgrade() -> None:
    raise NotImplementedError("The release before does not look at it; leave it where it is.")
