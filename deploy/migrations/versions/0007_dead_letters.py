"""Dead letters that can be replayed, from 0007_dead_letters.sql."""

from pathlib import Path

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    sql = (Path(__file__).parent.parent / "0007_dead_letters.sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(sql.replace("%", "%%"))


def downgrade() -> None:
    raise NotImplementedError("The older version would show stored letters as waiting ones; restore a backup instead.")
