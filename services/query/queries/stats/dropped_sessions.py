"""How many sessions of an answer are not kept any more. Its statement is in dropped_sessions.sql.

Numbers by project, user and time outlive them. They cannot be told apart by session, branch or machine any more.
"""

from datetime import datetime

from services.query.database import Connection, one_row
from services.query.queries.stats.stats import Selection
from shared.sql_files import SqlFile

_SQL = SqlFile(__package__, "dropped_sessions.sql")


def dropped_sessions(connection: Connection, selection: Selection, start: datetime | None, end: datetime | None) -> int:
    """Those of the selection's projects and users that reached into [start, end), on whatever machine; None is an open side."""
    parameters = selection.parameters() | {"start": start, "end": end}
    return int(one_row(connection, _SQL.count, parameters)["sessions"])
