"""Models that no list and no price of one's own knows, with their calls."""

from typing import Final

from services.query.answers.operations import UnpricedModel
from services.query.database import Connection, fetch
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "unpriced_models.sql")

_MOST: Final = 50


def unpriced_models(connection: Connection) -> list[UnpricedModel]:
    """The first fifty, those with most calls first."""
    return fetch(connection, UnpricedModel, _SQL.unpriced, {"most": _MOST})
