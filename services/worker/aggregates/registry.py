"""The registry of aggregates: one entry for each table of sums. Everything that goes over all aggregates reads it.

An aggregate is a sum of contributions: each stored row contributes to the cells that it is counted under. Writing, re-keying, undoing, rebuilding
and verifying use the same entry (rollups.py). Its base keeps the contributions of dropped rows (dropped_contributions.py). A new aggregate needs an
entry here, a migration, and its queries.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import lru_cache
from typing import Final

from services.worker.row_tables import ACTIVITIES, API_CALLS, MESSAGES, ROW_TABLES, TOOL_CALLS
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "registry.sql")

# Widths of buckets in minutes. 0 is all time.
ALL_TIME, QUARTER, HOUR, DAY, WEEK = 0, 15, 60, 1440, 10080
GRAINS: Final = (ALL_TIME, QUARTER, HOUR, DAY, WEEK)


class Measure(Enum):
    """How the contributions of one measure become a cell, and in which type it is kept."""

    SUM = auto()  # bigint. No number of rows fills it, since shared/events/plausible.py bounds what one row counts for.
    WIDE_SUM = auto()  # numeric, for sums that a bigint might not hold (docs/adr/0027).
    MAXIMUM = auto()  # Cannot be withdrawn: services/worker/sessions/tool_maxima.py looks it up again, for tool_rollups only.
    COUNTERS = auto()  # packed counters (docs/adr/0008), made by placed().
    WEEK_COUNTERS = auto()  # the same, in cells of a week only.


@dataclass(frozen=True, eq=False, slots=True)
class Source:
    """The contributions of the rows of one table. In a statement, `new_<table>` has rows that begin to count, `gone_<table>` those that cease to."""

    # A table of ROW_TABLES, or `sessions`.
    table: str
    # {measure: SQL over a row}. Measures that are not named here are 0.
    measures: Mapping[str, str]
    # SQL over a row: when it counts.
    at: str = "occurred_at"
    # {column of Aggregate.by: SQL over a row}, where it is not the row's column of that name.
    by: Mapping[str, str] = field(default_factory=dict)
    # SQL over a row: it contributes.
    where: str = ""
    # A SELECT over $rows, by $owners, whose rows contribute instead: for what is cheaper to sum up first.
    summed: str = ""


@dataclass(frozen=True, eq=False, slots=True)
class Aggregate:
    """A table of cells. Its key is project_id, perhaps user_id, grain_minutes, bucket_start, and the columns of `by`."""

    table: str
    measures: Mapping[str, Measure]
    sources: tuple[Source, ...]
    by: tuple[str, ...] = ()
    # {SQL of project_id and perhaps user_id: grains}: the cells that a contribution is added to. -1 stands for all.
    counted_under: Mapping[tuple[str, ...], tuple[int, ...]] = field(default_factory=dict)
    # The width of the buckets that a batch's contributions are first summed up in, in minutes.
    finest: int = QUARTER
    # {relation: (measures, SELECT)}: contributions that come as cells, from a relation that is no table of rows.
    cells_from: Mapping[str, tuple[tuple[str, ...], str]] = field(default_factory=dict)
    # SQL over the old and new cell, read by what is made of the changed cells.
    returning: tuple[str, ...] = ()

    @property
    def base(self) -> str:
        """The table of what dropped rows contributed: by owners, the finest bucket and the columns of `by`."""
        return f"base_{self.table}"

    @property
    def contributed(self) -> tuple[str, ...]:
        """The measures that come from rows."""
        return tuple(name for name in self.measures if any(name in source.measures for source in self.sources))

    @property
    def base_columns(self) -> tuple[str, ...]:
        """Those of a contribution in the base."""
        return (*self.base_owners, "bucket_start", *self.by, *self.contributed)

    @property
    def base_owners(self) -> tuple[str, ...]:
        """In the base each contribution says too which path's project it is of, if that is part of another."""
        return (*self.owners, "path_project_id")

    @property
    def owners(self) -> tuple[str, ...]:
        """project_id, perhaps user_id."""
        return ("project_id", "user_id")[: len(next(iter(self.counted_under)))]

    @property
    def key(self) -> tuple[str, ...]:
        """The primary key, in its order."""
        return (*self.owners, "grain_minutes", "bucket_start", *self.by)

    @property
    def summed(self) -> tuple[str, ...]:
        """The measures that are 0 in a cell without contributions."""
        return tuple(name for name, measure in self.measures.items() if measure is not Measure.MAXIMUM)


# A project or all, a user or all.
_CUBE: Final[tuple[tuple[str, ...], ...]] = (("project_id", "user_id"), ("project_id", "-1"), ("-1", "user_id"), ("-1", "-1"))
_TOKENS: Final = ("input_tokens", "output_tokens", "cache_creation_tokens", "cache_read_tokens")
_MONEY: Final = ("cost_nano_usd", "uncached_nano_usd", "cache_saved_nano_usd")

FILE_ROLLUPS: Final = Aggregate(
    "file_rollups",
    by=("file_key",),
    counted_under={("project_id",): GRAINS, ("-1",): (DAY, WEEK)},
    measures=dict.fromkeys(("touches", "lines_added", "lines_removed"), Measure.SUM),
    sources=(Source("activities", {"touches": "1", **ACTIVITIES.measures}),),
    # 1 where the file came to be touched, -1 where it no longer is.
    returning=("(new.touches > 0)::int - (coalesce(old.touches, 0) > 0)::int AS files_modified",),
)

TOOL_ROLLUPS: Final = Aggregate(
    "tool_rollups",
    by=("tool_name",),
    counted_under=dict.fromkeys(_CUBE, (ALL_TIME, DAY, WEEK)),
    measures={
        **dict.fromkeys(("calls", "success", "errors", "rejected", "timed_calls", "duration_ms"), Measure.SUM),
        **dict.fromkeys(("measured_calls", "measured_ms", "waited_calls", "waited_ms"), Measure.SUM),
        **dict.fromkeys(("max_ms", "max_measured_ms", "last_used_at"), Measure.MAXIMUM),
        **dict.fromkeys(("times", "measured_times"), Measure.COUNTERS),
        **dict.fromkeys(("calls_by_quarter", "errors_by_quarter"), Measure.WEEK_COUNTERS),
    },
    finest=DAY,
    sources=(
        Source(
            "tool_calls",
            {name: name for name in ("calls", "success", "errors", "rejected", "timed_calls", "duration_ms", "max_ms", "last_used_at")}
            | {name: name for name in ("measured_calls", "measured_ms", "max_measured_ms", "waited_calls", "waited_ms")}
            | {
                "times": "placed(timed_calls, latency_bucket + 1, 8)",
                "measured_times": "placed(measured_calls, latency_bucket + 1, 8)",
                "calls_by_quarter": "placed(calls, quarter_of_week(bucket_start), 8)",
                "errors_by_quarter": "placed(errors, quarter_of_week(bucket_start), 8)",
            },
            at="bucket_start",
            summed=_SQL.summed_tool_calls,
        ),
    ),
)

# Calls that did not succeed, by the class of their error; '' where nothing tells it.
ERROR_ROLLUPS: Final = Aggregate(
    "error_rollups",
    by=("tool_name", "error_class"),
    counted_under=dict.fromkeys(_CUBE, (ALL_TIME, DAY, WEEK)),
    measures={"calls": Measure.SUM},
    finest=DAY,
    sources=(
        Source(
            "tool_calls",
            {"calls": "1"},
            by={"error_class": "coalesce(error_class, '')"},
            where="status NOT IN ('success', 'pending')",
        ),
    ),
)

USAGE_ROLLUPS: Final = Aggregate(
    "usage_rollups",
    by=("model",),
    counted_under=dict.fromkeys((("project_id", "user_id"), ("-1", "-1")), (ALL_TIME, DAY)),
    measures={name: Measure.WIDE_SUM if name in _MONEY else Measure.SUM for name in API_CALLS.measures},
    finest=DAY,
    sources=(
        Source("api_calls", API_CALLS.measures, by={"model": "coalesce(model, '')"}),
        # Sessions whose tokens only a snapshot knows. They have no calls, and what the cache saved is not known.
        Source(
            "sessions",
            {**{name: name for name in _TOKENS}, "cost_nano_usd": "coalesce(cost_nano_usd, 0)"},
            at="dated_at",
            by={"model": "coalesce(model, '')"},
            where="counted AND usage_from_snapshot",
        ),
    ),
)

ACTIVITY_ROLLUPS: Final = Aggregate(
    "activity_rollups",
    counted_under=dict.fromkeys(_CUBE, GRAINS),
    measures={
        "sessions": Measure.SUM,
        "wall_us": Measure.WIDE_SUM,
        "active_us": Measure.WIDE_SUM,
        **dict.fromkeys(MESSAGES.measures, Measure.SUM),
        "files_modified": Measure.SUM,
        **dict.fromkeys((*ACTIVITIES.measures, *TOOL_CALLS.measures, *API_CALLS.measures), Measure.SUM),
        **dict.fromkeys(_MONEY, Measure.WIDE_SUM),
        "active_by_quarter": Measure.WEEK_COUNTERS,
    },
    sources=(
        *(Source(table.name, table.measures) for table in ROW_TABLES.values() if table.counts),
        # A session counts at its date: once, its wall time, and what only its snapshot knows.
        Source(
            "sessions",
            {
                "sessions": "1",
                "wall_us": "wall_us",
                **{name: f"CASE WHEN lines_from_snapshot THEN {name} ELSE 0 END" for name in ACTIVITIES.measures},
                **{name: f"CASE WHEN usage_from_snapshot THEN coalesce({name}, 0) ELSE 0 END" for name in (*_TOKENS, "cost_nano_usd")},
            },
            at="dated_at",
            where="counted",
        ),
    ),
    cells_from={
        "active_deltas": (("active_us", "active_by_quarter"), _SQL.active_cells),
        "file_count_deltas": (("files_modified",), _SQL.file_cells),
    },
)

# Cells are locked in this order. file_rollups is before activity_rollups, which counts its cells.
AGGREGATES: Final[dict[str, Aggregate]] = {
    aggregate.table: aggregate for aggregate in (FILE_ROLLUPS, TOOL_ROLLUPS, ERROR_ROLLUPS, USAGE_ROLLUPS, ACTIVITY_ROLLUPS)
}


def composed(compose: Callable[[], str]) -> Callable[[], bytes]:
    """The statement that `compose` makes of the registries' entries. It is composed once, and again if an entry is added."""

    @lru_cache(maxsize=8)
    def of(_entries: tuple[object, ...]) -> bytes:
        return compose().encode()

    return lambda: of((*ROW_TABLES.values(), *AGGREGATES.values()))
