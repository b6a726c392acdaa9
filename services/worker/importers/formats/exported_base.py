"""A line of an export's numbers of sessions that its tracker had dropped: of a table base_*, with names instead of ids."""

from datetime import UTC, datetime
from itertools import chain
from typing import Annotated, Any, ClassVar, Final

import msgspec
from msgspec import Meta, Struct

from shared.events.plausible import EARLIEST_EVENT, MAX_AHEAD
from shared.tables.catalogue import TABLES
from shared.tables.sums import BASE, BASE_FILES, BASE_SESSIONS
from shared.tables.table import Column, Holds

# Wide sums and vectors of counters are strings of digits: no reader of JSON has numbers of that size.
WIDE_SUMS: Final = frozenset({"wall_us", "cost_nano_usd", "uncached_nano_usd", "cache_saved_nano_usd"})
VECTORS: Final = frozenset({"times", "measured_times", "calls_by_quarter", "errors_by_quarter"})
_MAXIMA: Final = frozenset({"max_ms", "max_measured_ms"})
# Minutes of the buckets, where they are not UTC days.
_QUARTERS: Final = {"base_activity_rollups": 15, BASE_FILES: 15}

Name = Annotated[str, Meta(max_length=4096)]
_Time = Annotated[datetime, Meta(tz=True)]
_Sum = Annotated[int, Meta(ge=0, le=2**53)]
_WideSum = Annotated[str, Meta(max_length=60, pattern=r"^-?\d{1,40}$")]
_Counters = Annotated[str, Meta(max_length=20_000, pattern=r"^\d+$")]


class _DroppedSession(Struct):
    project_path: Name | None = None
    user: Name | None = None
    dated_at: _Time | None = None
    last_event_at: _Time | None = None
    active_ranges: list[tuple[_Time, _Time]] = []

    def __post_init__(self) -> None:
        """ValueError."""
        _check_times(self.dated_at, self.last_event_at, *chain.from_iterable(self.active_ranges))


class _Row(Struct):
    """Checks a row of sums: its times, and that a bucket begins it. `MINUTES`: of its buckets."""

    MINUTES: ClassVar[int]

    def __post_init__(self) -> None:
        """ValueError."""
        _check_times(*(value for name in self.__struct_fields__ if isinstance(value := getattr(self, name), datetime)))
        start: datetime | None = self.bucket_start  # type: ignore[attr-defined]
        if start is not None and start.timestamp() % (self.MINUTES * 60):
            raise ValueError(f"bucket_start begins no {self.MINUTES} minutes")


def _check_times(*times: datetime | None) -> None:
    latest = datetime.now(UTC) + MAX_AHEAD
    if any(time is not None and not EARLIEST_EVENT <= time <= latest for time in times):
        raise ValueError(f"a time is before {EARLIEST_EVENT:%Y} or in the future")


def _row_of(table: str) -> type[Struct]:
    fields: list[Any] = [("project_path", Name | None)]
    for column in TABLES[table].columns:
        if column.name == "user_id":
            fields.append(("user", Name | None))
        elif column.name == "file_key":
            fields.append(("file_path", Name))
        elif column.is_exported:
            fields.append((column.name, _type_of(column)))
    return msgspec.defstruct(table, fields, bases=(_Row,), namespace={"MINUTES": _QUARTERS.get(table, 1440)})


def _type_of(column: Column) -> Any:
    if column.holds is Holds.TIME:
        return _Time | None
    if column.holds is not Holds.NUMBER:
        return Name
    if column.name in _MAXIMA:
        return _Sum | None
    return _WideSum if column.name in WIDE_SUMS else _Counters | None if column.name in VECTORS else _Sum


def summed(table: str) -> list[str]:
    """The columns that are sums."""
    return [name for name in TABLES[table].named(Holds.NUMBER) if name not in VECTORS | _MAXIMA]


# The Struct of a row, by table.
ROWS: Final[dict[str, type[Struct]]] = {name: _DroppedSession if name == BASE_SESSIONS else _row_of(name) for name in BASE}
