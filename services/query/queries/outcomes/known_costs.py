"""Sources of sessions' costs: their API calls, Claude Code's files and telemetry, and evidence of why these differ."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from msgspec import Struct, convert
from msgspec.structs import replace

from services.query.database import Connection, Row, fetch_by, rows
from shared.sql_files import SqlFile

TOKENS: Final = ("input_tokens", "output_tokens", "cache_creation_tokens", "cache_read_tokens")
_CLAUDE_JSON: Final = "claude.json"

_SQL: Final = SqlFile(__package__, "known_costs.sql")


class Usage(Struct, kw_only=True):
    """A model's tokens and cost in one source."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_creation_tokens: int = 0
    cache_read_tokens: int = 0
    cost_nano_usd: int = 0

    def minus(self, other: "Usage") -> "Usage":
        return Usage(**{name: getattr(self, name) - getattr(other, name) for name in Usage.__struct_fields__})

    @property
    def tokens(self) -> tuple[int, ...]:
        return tuple(getattr(self, name) for name in TOKENS)


class Calls(Usage, kw_only=True):
    """A model's API calls."""

    api_calls: int = 0
    unpriced_calls: int = 0
    fast_calls: int = 0


class ClientCosts(Struct, kw_only=True):
    """A cost-state, as the worker stores it (ClientCosts of services/worker/persist/records.py)."""

    cost_nano_usd: int
    models: dict[str, Usage] = {}
    has_unknown_model_cost: bool = False
    plugin_calls_nano_usd: int = 0
    is_auto_mode: bool = False


class KnownSession(Struct, kw_only=True):
    title: str | None
    api_calls: int
    cost_nano_usd: int | None
    own_nano_usd: int | None
    taken_off_session_id: str | None


class Evidence(Struct, kw_only=True):
    compactions: int = 0
    interruptions: int = 0
    missing_subagents: int = 0
    machines: int = 0


class Known(Struct, kw_only=True):
    """All that is known of one session. `taken_off`: what another session counts of its total."""

    session: KnownSession
    calls: dict[str | None, Calls]
    # Those in its files that count for another session.
    copied: dict[str | None, Calls]
    cost_state: ClientCosts | None
    claude_json: Mapping[str, int] | None
    taken_off: ClientCosts | None
    evidence: Evidence
    # These two are read for one session only: no difference is explained by them.
    telemetry: dict[str | None, Calls] = {}
    status_line_nano_usd: int | None = None


def usage_of(numbers: Mapping[str, int]) -> Usage:
    return Usage(**{name: numbers.get(name, 0) for name in Usage.__struct_fields__})


def with_what_was_told(connection: Connection, session_id: str, known: Known) -> Known:
    """With what telemetry and the last status line have."""
    parameters: Row = {"session_id": session_id}
    telemetry = {row.pop("model"): convert(row, Calls) for row in rows(connection, _SQL.telemetry, parameters)}
    last = next((row["cost_nano_usd"] for row in rows(connection, _SQL.status_line, parameters)), None)
    return replace(known, telemetry=telemetry, status_line_nano_usd=last)


def known_costs(connection: Connection, session_ids: list[str]) -> dict[str, Known]:
    """In the order of the ids."""
    parameters: Row = {"session_ids": session_ids}
    sessions = fetch_by(connection, KnownSession, "session_id", _SQL.sessions, parameters)
    calls: dict[tuple[str, bool], dict[str | None, Calls]] = defaultdict(dict)
    for row in rows(connection, _SQL.calls, parameters):
        calls[row.pop("session_id"), row.pop("is_copied")][row.pop("model")] = convert(row, Calls)
    taken_off = {each.taken_off_session_id for each in sessions.values()} - {None}
    client: dict[str, ClientCosts] = {}
    claude_json: dict[str, Mapping[str, int]] = {}
    for row in rows(connection, _SQL.client_costs, {"session_ids": sorted({*session_ids, *filter(None, taken_off)})}):
        if row["source"] == _CLAUDE_JSON:
            claude_json[row["session_id"]] = row["numbers"]
        else:
            client[row["session_id"]] = convert(row["client_costs"], ClientCosts)
    evidence = fetch_by(connection, Evidence, "session_id", _SQL.evidence, parameters)
    return {
        session_id: Known(
            session=session,
            calls=calls[session_id, False],
            copied=calls[session_id, True],
            cost_state=client.get(session_id),
            claude_json=claude_json.get(session_id),
            taken_off=client.get(session.taken_off_session_id or ""),
            evidence=evidence[session_id],
        )
        for session_id in session_ids
        if (session := sessions.get(session_id)) is not None
    }
