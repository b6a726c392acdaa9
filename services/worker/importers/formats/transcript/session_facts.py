"""The facts of a session as a whole, gathered row by row from one file."""

from bisect import bisect_right
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

from services.worker.importers.formats import ids
from services.worker.importers.formats.sanitize import MAX_NAME_CHARACTERS, clean, count_or_none, name_or_none, title_of
from services.worker.importers.formats.transcript.call_outcomes import subagent_time
from services.worker.importers.formats.transcript.transcript_rows import Row
from services.worker.persist.records import ApiCall, ClientCosts, ClientUsage, Message, SessionFacts
from shared.claude_formats.tool_results import NOTHING
from shared.events.project_paths import InvalidPath, normalize_project_path


class ActiveTime:
    """Takes times one by one. Its memory grows with the pauses that are longer than the gap, not with the records."""

    def __init__(self, idle_gap: timedelta) -> None:
        self._gap = idle_gap
        self.ranges: list[tuple[datetime, datetime]] = []

    def add(self, time: datetime) -> None:
        """Times may come in any order. Fast if they come nearly sorted."""
        end = time + self._gap
        ranges = self.ranges
        if not ranges or time > ranges[-1][1]:
            ranges.append((time, end))
            return
        first, last = ranges[-1]
        if time >= first:
            if end > last:
                ranges[-1] = (first, end)
            return
        self._insert(time, end)

    def add_work(self, start: datetime, end: datetime) -> None:
        """Takes a time in which something worked without a pause."""
        self._insert(start, end + self._gap)

    def _insert(self, start: datetime, end: datetime) -> None:
        ranges = self.ranges
        at = bisect_right(ranges, start, key=lambda known: known[0])
        # Ranges that touch are one, as they are to Postgres.
        if at > 0 and ranges[at - 1][1] >= start:
            at -= 1
            start, end = ranges[at][0], max(end, ranges[at][1])
        until = at
        while until < len(ranges) and ranges[until][0] <= end:
            end = max(end, ranges[until][1])
            until += 1
        ranges[at:until] = [(start, end)]


MAX_USD = 1_000_000
# Enough to find the model that did most. Claude Code writes no file with more.
MAX_MODELS = 100
_TOKENS = ("input_tokens", "output_tokens", "cache_creation_tokens", "cache_read_tokens")
_DURATIONS = frozenset({"wall_duration_ms", "api_duration_ms", "tool_duration_ms"})
_encoder = msgspec.json.Encoder()


class _Tokens(Struct, rename="camel"):
    input_tokens: Any = None
    output_tokens: Any = None
    cache_creation_input_tokens: Any = None
    cache_creation_1h_tokens: Any = msgspec.field(name="cacheCreationEphemeral1hInputTokens", default=None)
    cache_read_input_tokens: Any = None
    web_search_requests: Any = None
    cost_usd: Any = msgspec.field(name="costUSD", default=None)


class Session:
    """One session of a file. Memory does not grow with its records."""

    def __init__(self, session_id: str, user: str | None, source: str, idle_gap: timedelta) -> None:
        self.session_id = session_id
        self._user = user
        self._source = source
        self.has_records = False
        self.last_time: datetime | None = None
        self.project_path: str | None = None
        self.has_first_facts = False
        self._started_at: datetime | None = None
        self._ended_at: datetime | None = None
        self._active = ActiveTime(idle_gap)
        self._title: tuple[int, str] = (0, "")
        self._parent: str | None = None
        self._branch: str | None = None
        self._version: str | None = None
        self._raw_cwd: str | None = None
        # Model → (output tokens, messages) of the main conversation.
        self._models: dict[str, tuple[int, int]] = {}
        self._totals: dict[str, int] = {}
        self._client_costs: ClientCosts | None = None
        self._is_auto_mode = False
        self._has_calls = self._has_copies = False

    def add_row(self, row: Row, time: datetime | None, *, is_copy: bool = False) -> None:
        """Adds a conversation record of the session. `time` is its timestamp, None without a valid one. A copy of another's has no time of this one."""
        self.has_records = True
        self.last_time = time or self.last_time
        self.add_permission_mode(row)
        self._has_copies = self._has_copies or is_copy
        if time is not None and not is_copy:
            self._active.add(time)
            # The file may have no records of its own.
            if (worked := subagent_time(row)) is not None:
                self._active.add_work(time - worked, time)
            if self._started_at is None or time < self._started_at:
                self._started_at = time
            if self._ended_at is None or time > self._ended_at:
                self._ended_at = time
        if self.project_path is None and row.cwd and row.cwd != self._raw_cwd:
            self._raw_cwd = row.cwd
            try:
                self.project_path = normalize_project_path(row.cwd)
            except InvalidPath:
                # A later row may have a better one.
                return
        self._branch = self._branch or name_or_none(row.git_branch)
        self._version = self._version or name_or_none(row.version)

    def add_claude_record(self, record: Message | ApiCall) -> None:
        """Adds a message or API call, to find the model that did most. Subagents do not count: they often have another model."""
        self._has_calls = self._has_calls or isinstance(record, ApiCall)
        _add_to_models(self._models, record)

    def offer_title(self, title: str | None, rank: int) -> None:
        """Offers a title. The highest rank wins, and of one rank the last title; of prompts the first."""
        text = title_of(title) if title else ""
        known_rank = self._title[0]
        if text and (rank > known_rank or (rank == known_rank and rank > 1)):
            self._title = (rank, text)

    def set_parent(self, parent: str | None) -> None:
        """Sets the session that this one continues; the first call counts."""
        if parent and parent != self.session_id and self._parent is None:
            self._parent = parent[:200]

    def add_permission_mode(self, row: Row) -> None:
        """Notes auto mode, which some records name."""
        self._is_auto_mode = self._is_auto_mode or row.permission_mode == "auto"

    def add_cost_state(self, row: Row) -> None:
        """Adds a cost-state. It has totals of the session so far, so the greatest counts. Cost, tokens and lines are given only without API calls."""
        models = _usage_of(row)
        if (cost := nano_usd_or_none(row.total_cost_usd)) is not None and (
            self._client_costs is None or cost >= self._client_costs.cost_nano_usd
        ):
            self._client_costs = ClientCosts(
                cost_nano_usd=cost,
                started_ms=count_or_none(row.start_time),
                models=models,
                has_unknown_model_cost=row.has_unknown_model_cost is True,
                plugin_calls_nano_usd=nano_usd_or_none(row.model_call_cost_usd) or 0,
            )
        totals = {
            "wall_duration_ms": count_or_none(row.total_duration),
            "api_duration_ms": count_or_none(row.total_api_duration),
            "tool_duration_ms": count_or_none(row.total_tool_duration),
            "lines_added": count_or_none(row.total_lines_added),
            "lines_removed": count_or_none(row.total_lines_removed),
            "cost_nano_usd": cost,
            **{name: count_or_none(sum(getattr(each, name) for each in models.values())) for name in _TOKENS if models},
        }
        for name, value in totals.items():
            if value is not None:
                self._totals[name] = max(value, self._totals.get(name, 0))

    def first_facts(self) -> SessionFacts | None:
        """The first facts, once, as soon as project and time are known: the session is stored before its messages. A fork's time comes after the copy."""
        if self.has_first_facts or self.project_path is None or (self._started_at is None and not self._has_copies):
            return None
        self.has_first_facts = True
        return self._facts()

    def facts(self, still_open: Iterable[Message | ApiCall] = ()) -> SessionFacts:
        """All facts that the file has. `still_open`: records that were not added, since more may come to them."""
        models, has_calls = dict(self._models), self._has_calls
        for record in still_open:
            has_calls = has_calls or isinstance(record, ApiCall)
            _add_to_models(models, record)
        rank, title = self._title
        # The sums of a file's calls and edits count, and each of them once. In a copy they are those of another session: what was added up
        # would bring them a second time.
        totals = {name: value for name, value in self._totals.items() if name in _DURATIONS} if has_calls else self._totals
        return self._facts(
            ended_at=self._ended_at,
            active_ranges=list(self._active.ranges),
            title=title or None,
            title_rank=rank,
            parent_session_id=self._parent,
            model=max(models, key=lambda name: (models[name], name), default=None),
            client_costs=self._client_costs and msgspec.structs.replace(self._client_costs, is_auto_mode=self._is_auto_mode),
            **totals,
        )

    @property
    def held(self) -> int:
        """How many ranges of active time are held."""
        return len(self._active.ranges)

    def _facts(self, **more: Any) -> SessionFacts:
        return with_id(
            SessionFacts(
                id=ids.NAMESPACE,
                session_id=self.session_id,
                source=self._source,
                project_path=self.project_path,
                user=self._user,
                started_at=self._started_at,
                git_branch=self._branch,
                client_version=self._version,
                **more,
            )
        )


def _add_to_models(models: dict[str, tuple[int, int]], record: Message | ApiCall) -> None:
    if record.agent_id is None and record.model is not None and (record.model in models or len(models) < MAX_MODELS):
        tokens, messages = models.get(record.model, (0, 0))
        if isinstance(record, ApiCall):
            models[record.model] = (tokens + record.output_tokens, messages)
        else:
            models[record.model] = (tokens, messages + 1)


def with_id(facts: SessionFacts) -> SessionFacts:
    """The same facts, with the id of their content."""
    content = _encoder.encode(facts)
    # As before these fields existed, so that a file that is imported again gives the same ids.
    if facts.client_costs is None:
        content = content.removesuffix(b',"client_costs":null}') + b"}"
        if facts.end_reason is None:
            content = content.removesuffix(b',"end_reason":null}') + b"}"
    facts.id = ids.facts_id(facts.session_id, content)
    return facts


def nano_usd_or_none(value: object) -> int | None:
    """US dollars as billionths, from the shortest decimal text of the float, as the file has it. Cut at twice what is plausible (plausible_records.py)."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0:
        return round(Decimal(repr(min(value, 2 * MAX_USD))) * 1_000_000_000)
    return None


def _usage_of(row: Row) -> dict[str, ClientUsage]:
    """A cost-state's usage by model."""
    if row.model_usage == NOTHING:
        return {}
    try:
        models = msgspec.json.decode(row.model_usage, type=dict[str, _Tokens])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return {
        clean(name)[:MAX_NAME_CHARACTERS]: ClientUsage(
            input_tokens=count_or_none(each.input_tokens) or 0,
            output_tokens=count_or_none(each.output_tokens) or 0,
            cache_creation_tokens=count_or_none(each.cache_creation_input_tokens) or 0,
            cache_creation_1h_tokens=count_or_none(each.cache_creation_1h_tokens),
            cache_read_tokens=count_or_none(each.cache_read_input_tokens) or 0,
            web_searches=count_or_none(each.web_search_requests) or 0,
            cost_nano_usd=nano_usd_or_none(each.cost_usd) or 0,
        )
        for name, each in sorted(models.items())[:MAX_MODELS]
    }
