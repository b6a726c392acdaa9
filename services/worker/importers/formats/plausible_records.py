"""Leaves out values of an import that cannot be true: times, durations, counts. Each one is reported among the job's errors.

The same file always gives the same records: a time is too far in the future if it is so from when the job was accepted, not from now.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import chain
from typing import Final, assert_never

from services.worker.importers.formats.transcript.session_facts import MAX_USD
from services.worker.persist.records import (
    ApiCall,
    FileChange,
    FileSummary,
    Message,
    ProjectSeen,
    Record,
    RecordError,
    RepositorySeen,
    SessionBoundary,
    SessionFacts,
    TimelineEntry,
    ToolUse,
)
from shared.events.event_kinds import MAX_DURATION_MS, MAX_LINES, MAX_TOKENS
from shared.events.plausible import objection_to_time

CODE: Final = "NOT_BELIEVED"
MAX_WEB_SEARCHES: Final = 100_000
# For a whole session: a hundred of the largest calls, or files.
_SESSION_LINES, _SESSION_TOKENS = 100 * MAX_LINES, 100 * MAX_TOKENS
_SESSION_MS = 10 * 365 * 24 * 3600 * 1000
_MOST_NANO_USD: Final = MAX_USD * 1_000_000_000
SESSION_MOST: Final = {
    "wall_duration_ms": _SESSION_MS,
    "api_duration_ms": _SESSION_MS,
    "tool_duration_ms": _SESSION_MS,
    "lines_added": _SESSION_LINES,
    "lines_removed": _SESSION_LINES,
    "input_tokens": _SESSION_TOKENS,
    "output_tokens": _SESSION_TOKENS,
    "cache_creation_tokens": _SESSION_TOKENS,
    "cache_read_tokens": _SESSION_TOKENS,
    "cost_nano_usd": _MOST_NANO_USD,
}
# The most of facts that is stored.
_MOST: Final[dict[type, dict[str, int]]] = {
    ToolUse: {"duration_ms": MAX_DURATION_MS, "wait_ms": MAX_DURATION_MS},
    FileChange: {"lines_added": MAX_LINES, "lines_removed": MAX_LINES},
    ApiCall: {
        "input_tokens": MAX_TOKENS,
        "output_tokens": MAX_TOKENS,
        "cache_write_5m_tokens": MAX_TOKENS,
        "cache_write_1h_tokens": MAX_TOKENS,
        "cache_read_tokens": MAX_TOKENS,
        "web_searches": MAX_WEB_SEARCHES,
        "thinking_ms": MAX_DURATION_MS,
    },
    SessionFacts: SESSION_MOST,
}
_NAMES: Final = {
    ToolUse: "tool call",
    FileChange: "file change",
    ApiCall: "API call",
    TimelineEntry: "timeline entry",
    SessionFacts: "session",
    SessionBoundary: "start or end of a session",
    Message: "message",
}

Found = Record | RecordError | FileSummary


def plausible(found: Iterable[Found], accepted_at: datetime) -> Iterator[Found]:
    """An importer's records, without values that cannot be true, and with an error for each such value."""
    for record in found:
        match record:
            case RecordError() | FileSummary() | ProjectSeen() | RepositorySeen():
                yield record
            case Message():
                # A message without a time is kept.
                if (problem := _problem_of_time(record.timestamp, accepted_at)) is not None:
                    record.timestamp = None
                    yield _error(f"The time of a message was left out: it {problem}.")
                yield record
            case SessionFacts():
                yield from _facts(record, accepted_at)
            case SessionBoundary() | ToolUse() | FileChange() | ApiCall() | TimelineEntry():
                problem = _problem_of_time(record.timestamp, accepted_at)
                if problem is not None:
                    yield _error(f"A {_NAMES[type(record)]} was left out: its time {problem}.")
                    continue
                yield from _without_large_numbers(record)
                yield record
            case _:
                assert_never(record)


def is_plausible(record: Record, accepted_at: datetime) -> bool:
    """Whether a record is kept. Numbers and times that cannot be true are removed from it."""
    return any(each is record for each in plausible([record], accepted_at))


def _facts(facts: SessionFacts, accepted_at: datetime) -> Iterator[Found]:
    times: tuple[datetime | None, ...] = (facts.started_at, facts.ended_at, *chain.from_iterable(facts.active_ranges))
    problem = next((problem for time in times if (problem := _problem_of_time(time, accepted_at)) is not None), None)
    if problem is not None:
        # The session's messages, where there are any, still have their times.
        facts.active_ranges = [each for each in facts.active_ranges if all(_problem_of_time(time, accepted_at) is None for time in each)]
        facts.started_at = _believed_time(facts.started_at, accepted_at) or (facts.active_ranges[0][0] if facts.active_ranges else None)
        facts.ended_at = _believed_time(facts.ended_at, accepted_at) or facts.started_at
        yield _error(f"A time of a session was left out: it {problem}.")
    yield from _without_large_numbers(facts)
    if facts.client_costs is not None and facts.client_costs.cost_nano_usd > _MOST_NANO_USD:
        facts.client_costs = None
        yield _error(f"session: what Claude Code counted was left out: more than {_MOST_NANO_USD:,} cannot be true.")
    yield facts


def _without_large_numbers(
    record: SessionBoundary | ToolUse | FileChange | ApiCall | TimelineEntry | SessionFacts,
) -> Iterator[RecordError]:
    for name, most in _MOST.get(type(record), {}).items():
        value: int | None = getattr(record, name)
        if value is not None and value > most:
            setattr(record, name, 0 if isinstance(record, FileChange | ApiCall) else None)
            if isinstance(record, ToolUse) and name == "duration_ms":
                record.duration_source = None
            yield _error(f"{_NAMES[type(record)]}: {name} was left out: more than {most:,} cannot be true.")


def _believed_time(time: datetime | None, accepted_at: datetime) -> datetime | None:
    return time if _problem_of_time(time, accepted_at) is None else None


def _problem_of_time(time: datetime | None, accepted_at: datetime) -> str | None:
    problem = objection_to_time(time, accepted_at) if time is not None else None
    # Without the advice after the semicolon: the clock that was wrong cannot be checked any more.
    return problem and problem.partition(";")[0]


def _error(message: str) -> RecordError:
    return RecordError(code=CODE, message=message)
