"""What an export brought besides records, from 0059_brought_besides.sql."""

from pathlib import Path

from alembic import op

revision = "0059"
down_revision = "0057"


def upgrade() -> None:
    sql = (Path(__file__).parent.parent / "0059_brought_besides.sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(sql.replace("%", "%%"))


def downgrade() -> None:
    raise NotImplementedError("It says what an undo takes back; leave it where it is.")
