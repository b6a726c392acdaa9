"""What Claude Code counts of the prompt cache, from 0054_prompt_cache.sql."""

from pathlib import Path

from alembic import op

revision = "0054"
down_revision = "0053"


def upgrade() -> None:
    sql = (Path(__file__).parent.parent / "0054_prompt_cache.sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(sql.replace("%", "%%"))


def downgrade() -> None:
    raise NotImplementedError("The release before does not look at it; leave it where it is.")
