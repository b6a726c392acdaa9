"""Open sessions with what happens in them now: the rows behind a live board."""

from services.query.answers.live import LiveSession
from services.query.database import Connection, fetch, rows
from services.query.queries.lists.projects import ChosenProjects
from shared.sessions import session_state
from shared.sessions.agent_state import AGENTS, AGENTS_JOIN
from shared.sessions.open_sessions import is_open
from shared.sql_files import SqlFile

_SQL = SqlFile(__package__, "live_sessions.sql")

MOST = 200

# Filled, since the worker tells the same of a session in the live feed. A function in the database would be an older release's as well.
LIVE_SESSIONS = (
    _SQL.live_sessions.replace("{state}", session_state.STATE.strip())
    .replace("{tool}", session_state.TOOL)
    .replace("{input}", session_state.INPUT)
    .replace("{asks}", session_state.ASKS.strip())
    .replace("{error}", session_state.ERROR)
    .replace("{source}", session_state.SOURCE.strip())
    .replace("{since}", session_state.SINCE.strip())
    .replace("{signs}", session_state.JOIN.strip())
    .replace("{agents}", AGENTS)
    .replace("{agent_signs}", AGENTS_JOIN.strip())
    .replace("{is_open}", is_open("s"))
)
_MACHINES = "SELECT machine_id FROM machines WHERE machine_id = %(machine)s OR name = %(machine)s"


def live_sessions(connection: Connection, projects: ChosenProjects, user: str | None, machine: str | None) -> list[LiveSession]:
    """Open sessions, the one with the newest event first; at most MOST."""
    parameters = projects.parameters(connection) | {"user": user, "machine": machine, "most": MOST}
    return fetch(connection, LiveSession, LIVE_SESSIONS, parameters)


def machine_ids(connection: Connection, machine: str) -> set[str]:
    """The machines of this name, and the name itself, which may be an id."""
    return {machine, *(row["machine_id"] for row in rows(connection, _MACHINES, {"machine": machine}))}
