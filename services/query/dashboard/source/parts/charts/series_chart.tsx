/** Numbers over time as bars or lines, with the same numbers as a table. */

import { useMemo, useState } from "preact/hooks";
import { withUnit } from "../../format/quantities";
import { Hint } from "../notes/hint";
import { Table } from "../tables/table";
import { HEIGHT, Mark, Plot, type PlotProps, type Series, plainDate } from "./plot";
import { drawnPart, hasAnything } from "./scales";
import { TableSwitch } from "./table_switch";

export type { Series };

interface Props extends PlotProps {
  /** What the table has in place of `series`: also those that the chart draws together. */
  ofTable?: readonly Series[] | undefined;
  /** "12 Feb to 21 Apr": from the first of the dates to the last one. */
  spanText?: (first: string, last: string) => string;
}

export function SeriesChart({ ofTable, spanText = (first, last) => `${first} to ${last}`, ...plot }: Props) {
  const { label, dates, series, format, dateText = plainDate, hrefOf } = plot;
  const [isTable, setTable] = useState(false);
  const shown = useMemo(() => {
    // The period before does not widen the range that is looked at.
    const own = series.filter((each) => each.kind !== "ghost").map((each) => each.values);
    const [first, end] = drawnPart(own, dates.length);
    const isEmpty = !hasAnything(series.map((each) => each.values), dates.length);
    return { isEmpty, isPart: end - first < dates.length, dates: dates.slice(first, end), series: series.map((each) => ({ ...each, values: each.values.slice(first, end) })) };
  }, [dates, series]);
  return (
    <figure class="chart">
      <figcaption class="chart-legend">
        {series.map((each, index) =>
          each.kind === "sum" ? null : (
            <span key={index} class="legend">
              <Mark of={each} />
              {each.definition ? <Hint text={each.definition}>{each.label}</Hint> : each.label}
            </span>
          ),
        )}
        <TableSwitch isTable={isTable} onChange={setTable} class="chart-switch" />
      </figcaption>
      {isTable ? (
        <div class="chart-table">
          <Table
            caption={label}
            rows={dates.map((date, index) => ({ date, index })).reverse()}
            keyOf={(row) => row.date}
            columns={[
              { title: "Date", cell: (row) => (hrefOf ? <a href={hrefOf(row.date)}>{dateText(row.date)}</a> : dateText(row.date)), sortBy: (row) => row.date },
              ...(ofTable ?? series).map((each) => ({
                title: each.label,
                csvTitle: withUnit(each.label, each.format ?? format),
                isNumber: true,
                cell: (row: { index: number }) => (each.format ?? format)(each.values[row.index]),
                sortBy: (row: { index: number }) => each.values[row.index] ?? null,
              })),
            ]}
          />
        </div>
      ) : shown.isEmpty ? (
        <p class="chart-empty quiet" style={{ minHeight: `${plot.height ?? HEIGHT}px` }}>
          There is nothing to draw on these days.
        </p>
      ) : (
        <Plot {...plot} dates={shown.dates} series={shown.series} />
      )}
      {!isTable && shown.isPart && <p class="chart-note">Drawn: {spanText(shown.dates[0] ?? "", shown.dates.at(-1) ?? "")}. The rest of the range has nothing.</p>}
    </figure>
  );
}
