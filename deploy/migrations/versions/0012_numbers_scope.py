"""The scope `numbers`, from 0012_numbers_scope.sql."""

from pathlib import Path

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    sql = (Path(__file__).parent.parent / "0012_numbers_scope.sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(sql.replace("%", "%%"))


def downgrade() -> None:
    raise NotImplementedError("The release before works with it as well; leave it as it is.")
