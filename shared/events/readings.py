"""Claude Code's own files as a machine's shipper reads them: status line, cached usage, files of sessions. Each is a state at a time, no event.

Ingest checks these types, the journal carries them, and the worker keeps the newest of each. Ingest drops fields that are not listed.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Annotated, Final
from uuid import UUID

from msgspec import Meta, Struct

# As in messages.py, which imports this module: its envelope carries readings.
_SessionId = Annotated[str, Meta(min_length=1, max_length=200)]
_User = Annotated[str, Meta(min_length=1, max_length=200)]
_MachineId = Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{1,64}$")]
_Count = Annotated[int, Meta(ge=0, le=2**53 - 1)]
_Word = Annotated[str, Meta(max_length=100)]
# It may exceed 100 for a spend limit.
_Percentage = Annotated[float, Meta(ge=0, le=1_000)]
_Milliseconds = Annotated[float, Meta(ge=0, le=2**53 - 1)]
_Usd = Annotated[float, Meta(ge=0, le=1e9)]
_EpochSeconds = Annotated[float, Meta(ge=0, le=4e9)]
_Account = Annotated[str, Meta(pattern="^[0-9a-f]{16}$")]
_Kind = Annotated[str, Meta(pattern="^[a-z0-9_]{1,60}$")]
_Ttl = Annotated[str, Meta(pattern="^[a-z0-9]{1,10}$")]
_Share = Annotated[float, Meta(ge=0, le=1)]

# How long a window of a kind lasts. A kind that is not known here has no pace: its length is never guessed.
WINDOW_SECONDS: Final[Mapping[str, int]] = MappingProxyType({"five_hour": 5 * 3600, "seven_day": 7 * 86_400})


def seconds_of(kind: str) -> int | None:
    """How long a window of this kind lasts, as `seven_day_opus` lasts seven days; None if that is not known."""
    return next((seconds for name, seconds in WINDOW_SECONDS.items() if kind == name or kind.startswith(f"{name}_")), None)


class RateLimit(Struct, omit_defaults=True, kw_only=True):
    """The usage of one window, as the status line has it."""

    used_percentage: _Percentage
    resets_at: _EpochSeconds


class RateLimits(Struct, omit_defaults=True, kw_only=True):
    """The windows that Claude Code tells a status line of."""

    five_hour: RateLimit | None = None
    seven_day: RateLimit | None = None


class ClientCost(Struct, omit_defaults=True, kw_only=True):
    """A session's cost, times and changed lines, as the client counts them."""

    total_cost_usd: _Usd | None = None
    total_duration_ms: _Milliseconds | None = None
    total_api_duration_ms: _Milliseconds | None = None
    total_lines_added: _Count | None = None
    total_lines_removed: _Count | None = None


class ContextWindow(Struct, omit_defaults=True, kw_only=True):
    """How full the context is."""

    context_window_size: _Count | None = None
    used_percentage: _Percentage | None = None
    total_input_tokens: _Count | None = None


class CacheMissCause(Struct, omit_defaults=True, kw_only=True):
    """Why the cache was missed, in Claude Code's words, as `tools_changed`."""

    causes: Annotated[list[_Kind], Meta(max_length=50)] = []


class PromptCache(Struct, omit_defaults=True, kw_only=True):
    """The prompt cache as Claude Code counts it: for the session's own thread, since the client started."""

    warm: bool | None = None
    caching_observed: bool | None = None
    ttl: _Ttl | None = None
    expires_at: _EpochSeconds | None = None
    requests: _Count | None = None
    misses: _Count | None = None
    expected_rebuilds: _Count | None = None
    hit_ratio: _Share | None = None
    cache_write_tokens: _Count | None = None
    miss_recache_tokens: _Count | None = None
    last_miss_at: _EpochSeconds | None = None
    last_miss_cause: CacheMissCause | None = None
    recache_tokens_if_cold: _Count | None = None


class StatusLine(Struct, tag="status_line", omit_defaults=True, kw_only=True):
    """The input of Claude Code's status line."""

    session_id: _SessionId
    read_at: datetime
    machine_id: _MachineId
    user: _User | None = None
    version: _Word | None = None
    model: _Word | None = None
    cost: ClientCost | None = None
    context_window: ContextWindow | None = None
    prompt_cache: PromptCache | None = None
    rate_limits: RateLimits | None = None


class UsageWindow(Struct, omit_defaults=True, kw_only=True):
    """A window that Claude Code tells of. One that has not begun has no reset."""

    kind: _Kind
    used_percentage: _Percentage
    resets_at: datetime | None = None


class UsageCache(Struct, tag="usage_cache", omit_defaults=True, kw_only=True):
    """The usage that Claude Code has fetched and cached. `account`: a hash, which tells accounts apart."""

    account: _Account
    fetched_at: datetime
    windows: Annotated[list[UsageWindow], Meta(max_length=50)]
    read_at: datetime
    machine_id: _MachineId
    user: _User | None = None


class RateLimitEvent(Struct, tag="rate_limit_event", omit_defaults=True, kw_only=True):
    """The limits that `claude -p --output-format stream-json` printed: the newest of each window."""

    session_id: _SessionId
    windows: Annotated[list[UsageWindow], Meta(max_length=50)]
    read_at: datetime
    machine_id: _MachineId
    user: _User | None = None


class SessionFile(Struct, tag="session_file", omit_defaults=True, kw_only=True):
    """A client's file about its session. `is_alive`: the process with this id lives."""

    session_id: _SessionId
    pid: Annotated[int, Meta(ge=0, le=2**31 - 1)]
    is_alive: bool
    read_at: datetime
    machine_id: _MachineId
    user: _User | None = None
    status: _Word | None = None
    waiting_for: _Word | None = None
    status_updated_at: datetime | None = None
    updated_at: datetime | None = None
    kind: _Word | None = None
    state: _Word | None = None
    tempo: _Word | None = None


ReadingBody = StatusLine | UsageCache | RateLimitEvent | SessionFile


class Reading(Struct, omit_defaults=True, kw_only=True):
    """A reading on the journal. The same reading has the same id, whenever it is sent."""

    id: UUID
    body: ReadingBody
    # The user that the API key was bound to, as in HookPayload.
    bound_user: str | None = None
    # The id of the API key; "": none was needed.
    key_id: str = ""

    @property
    def session_id(self) -> str | None:
        """None for the cached usage, which is of no session."""
        return None if isinstance(self.body, UsageCache) else self.body.session_id

    @property
    def machine_id(self) -> str:
        return self.body.machine_id

    @property
    def user(self) -> str | None:
        return self.body.user


def aware(time: datetime) -> datetime:
    """In UTC; a time without a zone is UTC."""
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
