"""The answer of /api/compare: one question asked of two ranges, measure by measure."""

from collections.abc import Callable, Iterable
from typing import Annotated, Any, Final, Literal, get_args

from msgspec import UNSET, Struct, UnsetType

from services.query.answers.answer import Answer
from services.query.answers.fields import DroppedSessions, IsKept, doc
from services.query.answers.stats import UsageMeasures, UsageRange
from services.query.database import Connection
from services.query.queries.stats.dropped_sessions import dropped_sessions
from services.query.queries.stats.ranges import Range, described_range
from services.query.queries.stats.stats import Selection
from services.query.queries.stats.tool_errors import tool_errors
from services.query.queries.stats.tool_stats import tool_stats
from services.query.queries.stats.usage import KEY_FIELDS, Dimension, UsageQuestion, usage

Measure = Literal[
    "sessions", "active_sessions", "active_minutes", "messages", "tool_calls", "tool_errors", "lines_added", "lines_removed",
    "input_tokens", "output_tokens", "cache_creation_tokens", "cache_read_tokens", "total_tokens", "api_calls", "unpriced_calls", "cost_usd",
    "calls", "success", "errors", "rejected", "cancelled", "pending", "error_rate", "share", "p50_ms", "p95_ms",
]  # fmt: skip


class Change(Answer):
    measure: Annotated[Measure, doc("As in /api/usage, /api/tool-calls/stats and /api/tool-calls/errors.")]
    value: Annotated[
        float | None, doc("In the range. null if it is not known there, as the cost of calls without a price, or a rate without calls.")
    ]
    before: Annotated[float | None, doc("In the range before.")]
    difference: Annotated[
        float | None, doc("`value` − `before`; null if one of them is. Of a rate or a share it is in points: 0.007 is 0.7 points.")
    ]


class ChangeOfGroup(Change, kw_only=True):
    """A measure of one group; of the first fields it has those of its `group_by`."""

    project_id: Annotated[int | UnsetType | None, doc("null if unknown.")] = UNSET
    project_name: str | UnsetType | None = UNSET
    user: Annotated[str | UnsetType | None, doc("null if unknown.")] = UNSET
    model: Annotated[str | UnsetType | None, doc("null if unknown.")] = UNSET
    branch: Annotated[str | UnsetType | None, doc("null if unknown.")] = UNSET
    machine_id: Annotated[str | UnsetType | None, doc("null if unknown.")] = UNSET
    machine: Annotated[str | UnsetType | None, doc("The machine's name.")] = UNSET
    group: Annotated[str | UnsetType | None, doc("null: of projects in no group.")] = UNSET
    repository: Annotated[str | UnsetType | None, doc("null if unknown.")] = UNSET
    is_kept: IsKept | UnsetType = UNSET
    tool_name: str | UnsetType = UNSET
    error_class: str | UnsetType = UNSET


class Comparison(Answer):
    range: UsageRange
    range_before: Annotated[UsageRange, doc("What it is compared with.")]
    group_by: str
    dropped_sessions: DroppedSessions
    dropped_sessions_before: Annotated[int, doc("The same of the range before.")]
    totals: Annotated[list[Change], doc("Each measure of everything together.")]
    items: Annotated[
        list[ChangeOfGroup],
        doc(
            "Each measure of each group: first the groups that moved most, by the difference of their cost; of tools and error classes, of "
            "their calls. A group that is in one of the ranges alone has zeros in the other."
        ),
    ]


Group = Literal["project", "user", "model", "branch", "machine", "group", "repository", "tool", "error_class"]
GROUPS: Final[tuple[Group, ...]] = get_args(Group)
# The fields of an item that tell its group.
GROUP_FIELDS: Final[dict[Group, tuple[str, ...]]] = {
    "project": KEY_FIELDS["project"],
    "user": KEY_FIELDS["user"],
    "model": KEY_FIELDS["model"],
    "branch": KEY_FIELDS["branch"],
    "machine": KEY_FIELDS["machine"],
    "group": KEY_FIELDS["group"],
    "repository": KEY_FIELDS["repository"],
    "tool": ("tool_name",),
    "error_class": ("error_class",),
}
_OF_TOOLS: Final[tuple[Measure, ...]] = ("calls", "success", "errors", "rejected", "cancelled", "pending", "error_rate", "p50_ms", "p95_ms")
_OF_CLASSES: Final[tuple[Measure, ...]] = ("calls", "share")
_OF_USAGE: Final[tuple[Measure, ...]] = get_args(Measure)[:16]
# An empty range's are not known; a sum is 0.
_NO_SUMS: Final[frozenset[Measure]] = frozenset({"error_rate", "share", "p50_ms", "p95_ms"})

Sums = dict[Measure, float | None]
# A range's sums in all, and by the values of the group's fields.
_Found = tuple[Sums, dict[tuple[Any, ...], Sums]]


class _Period(Struct, frozen=True):
    """A range's sums in all, and by the values of the group's fields."""

    range: UsageRange
    dropped_sessions: int
    totals: Sums
    groups: dict[tuple[Any, ...], Sums]


def comparison(
    connection: Connection, group: Group, selection: Selection, wanted: Range, before: Range, idle_gap_seconds: int
) -> Comparison:
    """Each measure of everything and of each group in both ranges. BadRequest for more groups than /api/usage gives."""
    read = _READERS.get(group, _usage)

    def period(wanted: Range) -> _Period:
        dropped = dropped_sessions(connection, selection, wanted.start_time, wanted.end_time)
        return _Period(described_range(wanted), dropped, *read(connection, group, selection, wanted, idle_gap_seconds))

    now, then = period(wanted), period(before)
    leading: Measure = "cost_usd" if read is _usage else "calls"
    groups = {key: _changes(now.groups.get(key), then.groups.get(key)) for key in (now.groups | then.groups)}
    moved_most = sorted(groups, key=lambda key: -_moved(groups[key], leading))
    return Comparison(
        range=now.range,
        range_before=then.range,
        group_by=group,
        dropped_sessions=now.dropped_sessions,
        dropped_sessions_before=then.dropped_sessions,
        totals=_changes(now.totals, then.totals),
        items=[_of_group(change, GROUP_FIELDS[group], key) for key in moved_most for change in groups[key]],
    )


def _changes(now: Sums | None, before: Sums | None) -> list[Change]:
    """None: the range has nothing of the group."""
    return [_change(name, _value(now, name), _value(before, name)) for name in (now or before or {})]


def _value(sums: Sums | None, name: Measure) -> float | None:
    if sums is None:
        return None if name in _NO_SUMS else 0
    return sums[name]


def _change(name: Measure, value: float | None, before: float | None) -> Change:
    # Sums of dollars and of shares: beyond nine digits there is only noise of floating point.
    difference = None if value is None or before is None else round(value - before, 9)
    return Change(name, value, before, difference)


def _moved(changes: Iterable[Change], leading: Measure) -> float:
    """How far a group moved; one whose cost is not known has not."""
    return next((abs(each.difference or 0) for each in changes if each.measure == leading), 0)


def _of_group(change: Change, fields: tuple[str, ...], key: tuple[Any, ...]) -> ChangeOfGroup:
    shown = ChangeOfGroup(measure=change.measure, value=change.value, before=change.before, difference=change.difference)
    for name, value in zip(fields, key, strict=True):
        setattr(shown, name, value)
    return shown


def _sums(answer: Answer, names: Iterable[Measure]) -> Sums:
    """Those of the measures that the answer has: with models, it has no activity."""
    return {name: value for name in names if (value := getattr(answer, name, UNSET)) is not UNSET}


def _keys(item: Answer, group: Group) -> tuple[Any, ...]:
    return tuple(getattr(item, name) for name in GROUP_FIELDS[group])


def _usage(connection: Connection, group: Group, selection: Selection, wanted: Range, idle_gap_seconds: int) -> _Found:
    dimensions: tuple[Dimension, ...] = (group,)  # type: ignore[assignment]
    found = usage(connection, UsageQuestion(dimensions, selection, wanted, idle_gap_seconds))
    groups = {_keys(item, group): _sums_of_usage(item) for item in found.items}
    return _sums_of_usage(found.totals), groups


def _sums_of_usage(measures: UsageMeasures) -> Sums:
    """Where nothing was used, nothing was paid: a group without calls moves by its whole cost."""
    sums = _sums(measures, _OF_USAGE)
    return sums | {"cost_usd": 0} if not measures.api_calls and not measures.total_tokens else sums


def _tools(connection: Connection, group: Group, selection: Selection, wanted: Range, _idle_gap_seconds: int) -> _Found:
    found = tool_stats(connection, selection, None, wanted, include_estimated=False, include_latency=False)
    groups = {_keys(item, group): _sums(item, _OF_TOOLS) for item in found.tools}
    sums: Sums = {name: sum(each[name] or 0 for each in groups.values()) for name in _OF_TOOLS if name not in _NO_SUMS}
    calls, errors = sums["calls"] or 0, sums["errors"] or 0
    return sums | {"error_rate": errors / calls if calls else None}, groups


def _error_classes(connection: Connection, group: Group, selection: Selection, wanted: Range, _idle_gap_seconds: int) -> _Found:
    found = tool_errors(connection, selection, None, None, wanted, examples=0)
    groups = {_keys(item, group): _sums(item, _OF_CLASSES) for item in found.classes}
    return {"calls": found.failed_calls}, groups


_READERS: Final[dict[Group, Callable[..., _Found]]] = {"tool": _tools, "error_class": _error_classes}
