"""The whole schema, from the files of ../schema in their order.

The numbers below 0100 are those of the time before the first release (docs/adr/0107-one-baseline.md).
"""

from pathlib import Path

from alembic import op

revision = "0100"
down_revision = None


def upgrade() -> None:
    for path in sorted((Path(__file__).parent.parent / "schema").glob("*.sql")):
        op.get_bind().exec_driver_sql(path.read_text(encoding="utf-8").replace("%", "%%"))


def downgrade() -> None:
    raise NotImplementedError("There is nothing before the first schema; restore a backup instead.")
