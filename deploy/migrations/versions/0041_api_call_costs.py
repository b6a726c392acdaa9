"""The parts of a cost, from 0041_api_call_costs.sql. A view: nothing is stored, and nothing is locked."""

from pathlib import Path

from alembic import op

revision = "0041"
down_revision = "0040"


def upgrade() -> None:
    op.get_bind().exec_driver_sql((Path(__file__).parent.parent / "0041_api_call_costs.sql").read_text(encoding="utf-8").replace("%", "%%"))


def downgrade() -> None:
    raise NotImplementedError("The release before does not look at it; leave it where it is.")
