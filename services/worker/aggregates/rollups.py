"""From contributions to cells: the common table expressions that add the contributions of rows to all aggregates of the registry.

A statement first defines relations of rows, `new_<table>` and `gone_<table>` (registry.Source), of what is in a base, `new_base_<aggregate>` and
`gone_base_<aggregate>` (dropped_contributions.py), and perhaps `active_deltas`. For each aggregate follow
`<table>_deltas`, its contributions summed up by the finest bucket, and `rolled_<table>`, the INSERT of its cells.
"""

from collections.abc import Collection, Iterator
from typing import Final

from services.worker.aggregates.registry import AGGREGATES, WEEK, Aggregate, Measure, Source
from services.worker.sql_text import ctes, listed, ordinals, sql, union_all
from shared.sql_files import SqlFile

_SQL: Final = SqlFile(__package__, "rollups.sql")

_DELETE_NAMED = "DELETE FROM $table WHERE $column = %(old)s"

_DELETE_EMPTIED = "DELETE FROM $table WHERE ctid = ANY (ARRAY(SELECT place FROM emptied_cells WHERE cells = '$table'))"

_SUMS: Final = {
    Measure.SUM: "sum({0})::bigint AS {0}",
    Measure.WIDE_SUM: "sum({0})::numeric AS {0}",
    Measure.MAXIMUM: "max({0}) AS {0}",
    Measure.COUNTERS: "coalesce(sum({0}), 0) AS {0}",
    Measure.WEEK_COUNTERS: "coalesce(sum({0}), 0) AS {0}",
}
_NOTHING: Final = {
    Measure.SUM: "0",
    Measure.WIDE_SUM: "0",
    Measure.MAXIMUM: "NULL",
    Measure.COUNTERS: "NULL::numeric",
    Measure.WEEK_COUNTERS: "NULL::numeric",
}


def rollup_ctes(relations: Collection[str]) -> str:
    """Adds what the rows of these relations contribute to all aggregates."""
    return ctes(*_deltas(relations), *_rolled(relations, notes_emptied=False))


def rollups_that_note_emptied_cells(relations: Collection[str]) -> str:
    """The same, then the end of the statement: it notes in emptied_cells which cells have nothing left in them, by their place in the table.

    A cell that is written again moves to another place. So `delete_emptied` finds the cells that are still empty, and reads no other rows.
    """
    noted = (f"SELECT '{table}', place FROM rolled_{table} WHERE is_empty" for table in _touched(relations))
    return sql(
        "$rollups\nINSERT INTO emptied_cells (cells, place)\n$noted",
        rollups=ctes(*_deltas(relations), *_rolled(relations, notes_emptied=True)),
        noted=union_all(noted),
    )


def delete_emptied() -> list[bytes]:
    """The statements that delete the noted cells, and the notes."""
    return [sql(_DELETE_EMPTIED, table=table).encode() for table in (*AGGREGATES, "file_sets")] + [b"DELETE FROM emptied_cells"]


def rename_cells(aggregate: Aggregate, column: str) -> list[str]:
    """The statements that add the cells of the name %(old)s to those of %(new)s, and delete them."""
    columns = (*aggregate.key, *aggregate.measures)
    renamed = sql(
        _SQL.renamed,
        table=aggregate.table,
        columns=listed(columns),
        renamed=listed(f"%(new)s::text AS {name}" if name == column else name for name in columns),
        column=column,
        key=", ".join(aggregate.key),
        added=listed(_added(aggregate.table, name, measure) for name, measure in aggregate.measures.items()),
    )
    return [renamed, sql(_DELETE_NAMED, table=aggregate.table, column=column)]


def deltas_cte(aggregate: Aggregate, relations: Collection[str], owners: tuple[str, ...] = ()) -> str:
    """`<table>_deltas`; empty if no row of the relations contributes. `owners`: by which columns, if not by the aggregate's."""
    owners = owners or aggregate.owners
    contributions = _contributions(aggregate, relations, owners)
    if not contributions:
        return ""
    key = (*owners, "bucket_start", *aggregate.by)
    return sql(
        _SQL.deltas,
        deltas=f"{aggregate.table}_deltas",
        key=", ".join(key),
        sums=listed(_SUMS[aggregate.measures[name]].format(name) for name in aggregate.contributed),
        contributions=union_all(contributions),
        ordinals=ordinals(key),
    )


def cells_of_deltas(aggregate: Aggregate, relations: Collection[str]) -> str:
    """A SELECT of the cells that the deltas and the relations of `cells_from` make, by key."""
    cells = [_spread(aggregate)] if _contributions(aggregate, relations) else []
    cells += [_padded(aggregate, *part) for relation, part in aggregate.cells_from.items() if relation in relations]
    return sql(
        _SQL.cells,
        key=", ".join(aggregate.key),
        sums=listed(_SUMS[measure].format(name) for name, measure in aggregate.measures.items()),
        cells=union_all(cells),
        ordinals=ordinals(aggregate.key),
    )


def _spread(aggregate: Aggregate) -> str:
    """The deltas, once for each cell that they are counted under."""
    contributed = aggregate.contributed
    bucket = "bucket_of(d.bucket_start, k.grain_minutes) AS bucket_start"
    return sql(
        _SQL.cells_of_deltas,
        deltas=f"{aggregate.table}_deltas",
        key=", ".join([*(f"k.{name}" for name in aggregate.owners), "k.grain_minutes", bucket, *aggregate.by]),
        measures=listed(
            _in_cell(name, measure) if name in contributed else _nothing(name, measure) for name, measure in aggregate.measures.items()
        ),
        counted_under=",\n".join(
            listed(f"({', '.join(each if each == '-1' else f'd.{each}' for each in owners)}, {grain})" for grain in grains)
            for owners, grains in aggregate.counted_under.items()
        ),
        owners=", ".join(aggregate.owners),
    )


def _padded(aggregate: Aggregate, measures: Collection[str], cells: str) -> str:
    """Cells of some measures, with nothing in the others."""
    padded = listed(name if name in measures else _nothing(name, measure) for name, measure in aggregate.measures.items())
    return sql(_SQL.cells_of_some, key=", ".join(aggregate.key), measures=padded, cells=sql(cells))


def _in_cell(name: str, measure: Measure) -> str:
    return f"CASE k.grain_minutes WHEN {WEEK} THEN {name} END AS {name}" if measure is Measure.WEEK_COUNTERS else name


def _nothing(name: str, measure: Measure) -> str:
    """The column where nothing contributes."""
    return f"{_NOTHING[measure]} AS {name}"


def _deltas(relations: Collection[str]) -> Iterator[str]:
    return (deltas_cte(aggregate, relations) for aggregate in AGGREGATES.values())


def _rolled(relations: Collection[str], *, notes_emptied: bool) -> Iterator[str]:
    for table, found in _touched(relations).items():
        if table == "file_sets":
            yield sql(_SQL.file_sets, returning="RETURNING new.ctid AS place, bit_count(new.bits) = 0 AS is_empty" if notes_emptied else "")
            continue
        aggregate = AGGREGATES[table]
        yield sql(
            _SQL.rolled,
            table=table,
            columns=",\n".join((", ".join(aggregate.key), listed(aggregate.measures))),
            cells=cells_of_deltas(aggregate, found),
            ordinals=ordinals(aggregate.key),
            key=", ".join(aggregate.key),
            added=listed(_added(table, name, measure) for name, measure in aggregate.measures.items()),
            returning=_returning(aggregate, notes_emptied=notes_emptied),
        )


def _returning(aggregate: Aggregate, *, notes_emptied: bool) -> str:
    returned = [listed(f"new.{name}" for name in aggregate.key), *aggregate.returning] if aggregate.returning else []
    if notes_emptied:
        summed = listed(f"new.{name}" for name in aggregate.summed)
        zeros = ", ".join("0" * len(aggregate.summed))
        returned += ["new.ctid AS place", sql("($summed)\n  = ($zeros) AS is_empty", summed=summed, zeros=zeros)]
    return sql("RETURNING\n    $returned", returned=",\n".join(returned)) if returned else ""


def _added(table: str, name: str, measure: Measure) -> str:
    both = f"{table}.{name}", f"excluded.{name}"
    return f"{name} = greatest({', '.join(both)})" if measure is Measure.MAXIMUM else f"{name} = {' + '.join(both)}"


def _touched(relations: Collection[str]) -> dict[str, set[str]]:
    """{table: the relations that it can read}, for each table that the relations add to."""
    found = set(relations)
    touched: dict[str, set[str]] = {}
    for table, aggregate in AGGREGATES.items():
        if _contributions(aggregate, found) or found & aggregate.cells_from.keys():
            touched[table] = found
            if table == "file_rollups":
                touched["file_sets"] = found
                found = found | {"file_count_deltas"}
    return touched


def _contributions(aggregate: Aggregate, relations: Collection[str], owners: tuple[str, ...] = ()) -> list[str]:
    base = Source(aggregate.base, {name: name for name in aggregate.contributed}, at="bucket_start")
    return [
        _contribution(aggregate, source, f"{age}_{source.table}", sign, owners or aggregate.owners)
        for source in (*aggregate.sources, base)
        for age, sign in (("new", "+"), ("gone", "-"))
        if f"{age}_{source.table}" in relations
    ]


def _contribution(aggregate: Aggregate, source: Source, rows: str, sign: str, owners: tuple[str, ...]) -> str:
    columns = [*owners, f"bucket_of({source.at}, {aggregate.finest}) AS bucket_start"]
    columns += [f"{source.by[name]} AS {name}" if name in source.by else name for name in aggregate.by]
    columns += [_signed(name, aggregate.measures[name], source.measures.get(name), sign) for name in aggregate.contributed]
    if source.summed:
        rows = sql("(\n    $rows\n) AS summed", rows=sql(source.summed, rows=rows, owners=", ".join(owners)))
    return sql(
        _SQL.contribution,
        columns=listed(columns),
        rows=rows,
        where=f"WHERE {source.where}" if source.where else "",
    )


def _signed(name: str, measure: Measure, expression: str | None, sign: str) -> str:
    if expression is None:
        return _nothing(name, measure)
    if sign == "+":
        return expression if expression == name else f"{expression} AS {name}"
    if measure is Measure.MAXIMUM:
        # Rows that are withdrawn lower no maximum.
        return f"CASE WHEN false THEN {expression} END AS {name}"
    return f"-{expression if expression.isidentifier() else f'({expression})'} AS {name}"
