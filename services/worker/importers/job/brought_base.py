"""The base of the aggregates that an export brings: numbers of sessions that the other tracker had dropped.

A row of it has no id, so nothing tells whether its sessions are here too. A tracker takes it that had no session and no base of what was exported when
the job began: of anybody, of the user, or of the project.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import Annotated, Any, ClassVar, Final

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType
from psycopg import Connection
from psycopg.types.json import Jsonb

from services.worker import lock_order
from services.worker.aggregates.dropped_contributions import BRING_SESSIONS, SESSIONS, TAKE_BACK_SESSIONS, base_tables, bring, take_back
from services.worker.aggregates.registry import AGGREGATES, FILE_ROLLUPS, TOOL_ROLLUPS, Aggregate, Measure
from services.worker.persist.persist_batch import date_projects
from services.worker.persist.tombstones import Kind, with_tombstones
from services.worker.sessions.reattribution import delete_emptied_cells, rebuild_moving_days
from services.worker.sessions.tool_maxima import look_up_maxima
from services.worker.sql_text import sql, union_all
from shared.events.plausible import EARLIEST_EVENT, MAX_AHEAD
from shared.redaction.redacted_structs import redact_structs
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "brought_base.sql")

# Files have no user. Where somebody has files in the base, the other tables of it have more.
_OF_NO_USER: Final = "%(user)s::text IS NULL"
_HAS_OTHER: Final = "SELECT FROM $base AS t WHERE brought_by IS DISTINCT FROM %(job_number)s AND $of_user AND $of_paths"

# The most that all imports together may count of one measure. A bigint holds a thousand times that, so neither events nor imports that run at once fill
# it; a wide sum is read as a float.
_MOST_SUM: Final = 2**53
_MOST_WIDE_SUM: Final = 10**24
_TOO_LARGE: Final = (
    "The numbers of sessions that the other tracker had dropped were left out: {table}.{measure} of all imports together would be {total:,}, and may be"
    " {most:,} at most. Undo the import that brought more than can be true."
)

# By table and measure.
Sums = dict[tuple[str, str], int]

_Time = Annotated[datetime, Meta(tz=True)]
_Name = Annotated[str, Meta(max_length=4096)]
_Sum = Annotated[int, Meta(ge=0, le=2**53)]
_WideSum = Annotated[str, Meta(max_length=60, pattern=r"^-?\d{1,40}$")]
_Counters = Annotated[str, Meta(max_length=20_000, pattern=r"^\d+$")]
_MEASURES: Final[Mapping[Measure, Any]] = {
    Measure.SUM: _Sum,
    Measure.WIDE_SUM: _WideSum,
    Measure.COUNTERS: _Counters | None,
    Measure.WEEK_COUNTERS: _Counters | None,
    Measure.MAXIMUM: _Sum | _Time | None,
}


class _Names(Struct):
    """The names in a row of any aggregate."""

    project_path: _Name | UnsetType | None = UNSET
    user: _Name | UnsetType | None = UNSET
    file_path: _Name | UnsetType = UNSET
    tool_name: _Name | UnsetType = UNSET
    error_class: _Name | UnsetType = UNSET
    model: _Name | UnsetType = UNSET


class _DroppedSession(Struct):
    project_path: _Name | None = None
    user: _Name | None = None
    dated_at: _Time | None = None
    last_event_at: _Time | None = None
    active_ranges: list[tuple[_Time, _Time]] = []

    def __post_init__(self) -> None:
        """ValueError."""
        _check_times(self.dated_at, self.last_event_at, *chain.from_iterable(self.active_ranges))


class _Row(Struct):
    """Checks a row of any aggregate: its times, and that a bucket begins it. `FINEST`: minutes of its buckets."""

    FINEST: ClassVar[int]

    def __post_init__(self) -> None:
        """ValueError."""
        _check_times(*(value for name in self.__struct_fields__ if isinstance(value := getattr(self, name), datetime)))
        start: datetime | None = self.bucket_start  # type: ignore[attr-defined]
        if start is not None and start.timestamp() % (self.FINEST * 60):
            raise ValueError(f"bucket_start begins no {self.FINEST} minutes")


def _check_times(*times: datetime | None) -> None:
    latest = datetime.now(UTC) + MAX_AHEAD
    if any(time is not None and not EARLIEST_EVENT <= time <= latest for time in times):
        raise ValueError(f"a time is before {EARLIEST_EVENT:%Y} or in the future")


def _row_of(aggregate: Aggregate) -> type[Struct]:
    fields: list[Any] = [("project_path", _Name | None)]
    if "user_id" in aggregate.owners:
        fields.append(("user", _Name | None))
    fields.append(("bucket_start", _Time | None))
    fields += (("file_path" if name == "file_key" else name, _Name) for name in aggregate.by)
    fields += ((name, _MEASURES[aggregate.measures[name]]) for name in aggregate.contributed)
    return msgspec.defstruct(aggregate.base, fields, bases=(_Row,), namespace={"FINEST": aggregate.finest})


# The Struct of a row, by table.
ROWS: Final[dict[str, type[Struct]]] = {aggregate.base: _row_of(aggregate) for aggregate in AGGREGATES.values()} | {
    SESSIONS: _DroppedSession
}
_AGGREGATE_OF: Final = {aggregate.base: aggregate for aggregate in AGGREGATES.values()}


def may_bring(connection: Connection[Any], job_number: int, user: str | None, paths: Collection[str] | None) -> bool:
    """Whether this tracker had nothing of it when the job began, so that no dropped session of the other can be here too.

    `user`, `paths` of projects: whose numbers they are; None: everybody's.
    """
    others = union_all(
        sql(_HAS_OTHER, base=base, of_user=_OF_NO_USER if base == FILE_ROLLUPS.base else _SQL.of_user, of_paths=_SQL.of_paths)
        for base in base_tables()
    )
    asked = sql(_SQL.may_bring, of_user=_SQL.of_user, of_paths=_SQL.of_paths, others=others)
    parameters = {"job_number": job_number, "user": user, "paths": None if paths is None else list(paths)}
    [(may,)] = connection.execute(asked.encode(), parameters).fetchall()
    return bool(may)


def sums_of(rows: Iterable[tuple[str, Struct]]) -> Sums:
    """{(table, measure): sum of absolute values} of rows, each with its table."""
    sums: Sums = defaultdict(int)
    for table, row in rows:
        if table in _AGGREGATE_OF:
            for measure in _summed(table):
                sums[table, measure] += abs(int(getattr(row, measure)))
    return sums


def too_large(connection: Connection[Any], job_number: int, sums: Sums) -> str | None:
    """Says why sums are too large for a job to bring; None if they are not. Sums that other imports brought count too."""
    for table, aggregate in _AGGREGATE_OF.items():
        measures = _summed(table)
        columns = ", ".join(f"coalesce(sum(abs({measure})), 0)" for measure in measures)
        # Rows of this tracker have no number.
        others = f"SELECT {columns} FROM {table} WHERE brought_by <> %(job_number)s"
        [of_others] = connection.execute(others.encode(), {"job_number": job_number}).fetchall()
        for measure, counted in zip(measures, of_others, strict=True):
            most = _MOST_WIDE_SUM if aggregate.measures[measure] is Measure.WIDE_SUM else _MOST_SUM
            if sums[table, measure] and (total := sums[table, measure] + int(counted)) > most:
                return _TOO_LARGE.format(table=table, measure=measure, total=total, most=most)
    return None


def _summed(table: str) -> list[str]:
    aggregate = _AGGREGATE_OF[table]
    return [name for name in aggregate.contributed if aggregate.measures[name] in (Measure.SUM, Measure.WIDE_SUM)]


def bring_rows(
    connection: Connection[Any], table: str, rows: Sequence[Struct], parameters: Mapping[str, Any], redactions: dict[str, int] | None
) -> None:
    """Adds rows to the base and to the cells, in the caller's transaction. `parameters`: job_number, idle_gap. `redactions`: None to redact nothing."""
    lock_order.lock_writing_shared(connection)
    values = list(_without_tombstoned(connection, [_values(row, redactions) for row in rows]))
    given = dict(parameters) | {"rows": Jsonb(values)}
    if table == SESSIONS:
        lock_order.lock_aggregates_exclusive(connection)
        projects = {row[0] for row in connection.execute(BRING_SESSIONS, given)}
        rebuild_moving_days(connection, given)
        date_projects(connection, projects)
        return
    if "file_key" in _AGGREGATE_OF[table].by:
        connection.execute(_SQL.insert_files, given)
    lock_order.lock_aggregates_shared(connection)
    connection.execute(bring(_AGGREGATE_OF[table]).encode(), given)


def take_back_some(connection: Connection[Any], parameters: Mapping[str, Any]) -> bool:
    """Takes back the next part of what an import brought. False if nothing was left. `parameters`: job_number, rows_limit, limit, idle_gap."""
    given = dict(parameters)
    for base in base_tables():
        if connection.execute(f"SELECT FROM {base} WHERE brought_by = %(job_number)s LIMIT 1".encode(), given).fetchone() is None:
            continue
        lock_order.lock_writing_exclusive(connection)
        lock_order.lock_aggregates_exclusive(connection)
        if base == SESSIONS:
            projects = {row[0] for row in connection.execute(TAKE_BACK_SESSIONS, given)}
            rebuild_moving_days(connection, given)
            date_projects(connection, projects)
            return True
        connection.execute(take_back(_AGGREGATE_OF[base]).encode(), given)
        # Before the maxima are looked up, which writes the cells again elsewhere.
        delete_emptied_cells(connection)
        if _AGGREGATE_OF[base] is TOOL_ROLLUPS:
            look_up_maxima(connection)
            connection.execute("DELETE FROM moving_tools")
        return True
    return False


def _values(row: Struct, redactions: dict[str, int] | None) -> dict[str, Any]:
    values: dict[str, Any] = msgspec.to_builtins(row)
    names = _Names(**{name: values[name] for name in _Names.__struct_fields__ if name in values})
    if redactions is not None:
        redact_structs([names], redactions)
    return values | {name: value for name, value in msgspec.structs.asdict(names).items() if value is not UNSET}


def _without_tombstoned(connection: Connection[Any], values: list[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    """The rows of nobody, and nowhere, that was erased here."""

    def named(row: dict[str, Any]) -> list[tuple[Kind, str]]:
        of: tuple[tuple[Kind, str], ...] = (("project", "project_path"), ("user", "user"))
        return [(kind, row[name]) for kind, name in of if row.get(name)]

    erased = with_tombstones(connection, {each for row in values for each in named(row)})
    return (row for row in values if erased.isdisjoint(named(row)))
