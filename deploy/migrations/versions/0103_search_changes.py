"""The changes of rows that each query host follows, to keep its search index. Postgres has no documents any more."""

from pathlib import Path

from alembic import op

revision = "0103"
down_revision = "0102"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8").replace("%", "%%"))


def downgrade() -> None:
    raise NotImplementedError("Restore a backup instead.")
