"""Which person a name means, whose the marks of a gone session are, and what a run of retention has changed, from 0063_people.sql."""

from pathlib import Path

from alembic import op

revision = "0063"
down_revision = "0057"


def upgrade() -> None:
    sql = (Path(__file__).parent.parent / "0063_people.sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(sql.replace("%", "%%"))


def downgrade() -> None:
    raise NotImplementedError("Marks may know whose they are; leave it where it is.")
