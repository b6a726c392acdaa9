"""Why jobs failed, and when they last got on, from 0058_job_failures.sql."""

from pathlib import Path

from alembic import op

revision = "0058"
down_revision = "0057"


def upgrade() -> None:
    sql = (Path(__file__).parent.parent / "0058_job_failures.sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(sql.replace("%", "%%"))


def downgrade() -> None:
    raise NotImplementedError("Reasons of failed jobs may be stored; leave it where it is.")
