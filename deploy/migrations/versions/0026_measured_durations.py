"""Measured durations, from 0026_measured_durations.sql; cells of what is stored, from 0026_fill.sql.

The cells keep out workers, not readers, for about 12 s for a million tool calls (20 projects, 365 days; two busy cores). That is why it is one step:
in batches, workers would write into cells that are half filled.
"""

from pathlib import Path

from alembic import op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    op.get_bind().exec_driver_sql(_sql("0026_measured_durations.sql"))
    # New columns keep out readers until their transaction ends, so that the cells are filled in another one.
    with op.get_context().autocommit_block():
        op.get_bind().exec_driver_sql(f"BEGIN;\n{_sql('0026_fill.sql')}\nCOMMIT")


def _sql(name: str) -> str:
    return (Path(__file__).parent.parent / name).read_text(encoding="utf-8").replace("%", "%%")


def downgrade() -> None:
    raise NotImplementedError("The release before does not look at it; leave it where it is.")
