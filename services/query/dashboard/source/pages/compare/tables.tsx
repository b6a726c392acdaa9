/** The tables of a comparison: a measure or a group a row, with both values, their difference and its direction. */

import type { Schemas } from "../../api/answers";
import { type MeasureName, measure } from "../../format/measures";
import { UNKNOWN, moneyOf, percent, withUnit } from "../../format/quantities";
import { Change } from "../../parts/stats/tile";
import { type SortableColumn, SortableTable } from "../../parts/tables/sorting";
import { type Column, Table } from "../../parts/tables/table";
import { type GroupName, type Row, groupOf, rowsOf } from "./groups";

/** undefined is no cost, since nothing was called. */
type Value = number | null | undefined;
interface Pair {
  value: Value;
  before: Value;
  difference: number | null;
}
/** How both ranges are written. */
export type Spans = readonly [now: string, before: string];

const TOTALS: readonly MeasureName[] = ["active_minutes", "cost_usd", "total_tokens", "active_sessions", "messages", "tool_calls", "tool_errors", "error_rate", "lines_added", "lines_removed"];

/** A cost that is not known of no calls at all is none. */
function pairOf(change: Schemas["Change"] | undefined, unpriced: Schemas["Change"] | undefined): Pair {
  if (!change) return { value: null, before: null, difference: null };
  if (change.measure !== "cost_usd") return change;
  const [value, before] = (["value", "before"] as const).map((when) => moneyOf(change[when], { unpriced_calls: unpriced?.[when] ?? 0 }));
  return { value, before, difference: change.difference };
}

/** Whether anything is in the range before: without, there is nothing to compare with. */
export function hasBefore(totals: readonly Schemas["Change"][]): boolean {
  return totals.some((each) => Boolean(each.before));
}

export function TotalsTable({ totals, spans }: { totals: readonly Schemas["Change"][]; spans: Spans }) {
  const isCompared = hasBefore(totals);
  const unpriced = totals.find((each) => each.measure === "unpriced_calls");
  const found = new Map<string, Pair>(totals.map((each) => [each.measure, pairOf(each, unpriced)]));
  const [calls, errors] = [found.get("tool_calls"), found.get("tool_errors")];
  if (calls && errors) found.set("error_rate", rates(errors, calls));
  const rows = TOTALS.flatMap((of) => {
    const pair = found.get(of);
    return pair && (pair.value !== 0 || pair.before !== 0) ? [{ of, pair }] : [];
  });
  const compared: Column<(typeof rows)[number]>[] = [
    { title: spans[1], isNumber: true, cell: ({ of, pair }) => <Value of={of} value={pair.before} />, sortBy: ({ pair }) => pair.before ?? null },
    { title: "Difference", isNumber: true, isMinor: true, cell: ({ of, pair }) => differenceText(of, pair), sortBy: ({ pair }) => pair.difference },
    { title: "Change", isNumber: true, cell: ({ of, pair }) => <Change of={of} {...pair} label={spans[1]} /> },
  ];
  return (
    <Table
      caption="Both ranges in all"
      rows={rows}
      keyOf={({ of }) => of}
      columns={[
        { title: "Measure", cell: ({ of }) => <span title={measure(of).definition}>{measure(of).label}</span>, sortBy: ({ of }) => withUnit(measure(of).label, measure(of).exact) },
        { title: spans[0], isNumber: true, cell: ({ of, pair }) => <Value of={of} value={pair.value} />, sortBy: ({ pair }) => pair.value ?? null },
        ...(isCompared ? compared : []),
      ]}
    />
  );
}

function rates(errors: Pair, calls: Pair): Pair {
  const rate = (of: Value, among: Value) => (among ? (of ?? 0) / among : null);
  const [value, before] = [rate(errors.value, calls.value), rate(errors.before, calls.before)];
  return { value, before, difference: value === null || before === null ? null : value - before };
}

export function GroupTable({ items, by, spans, isCompared, csv }: { items: readonly Schemas["ChangeOfGroup"][]; by: GroupName; spans: Spans; isCompared: boolean; csv: string | null }) {
  const { label, nameOf, hrefOf, shown } = groupOf(by);
  const rows = rowsOf(items, by);
  if (rows.length === 0) return <p class="quiet">There is nothing on any of these days.</p>;
  const columns = shown.flatMap(([name, of], index): SortableColumn<Row>[] => {
    const pair = (row: Row) => pairOf(row.of[name], row.of.unpriced_calls);
    // Calls that failed are those that were rejected too, other than those of the measure.
    const title = name === "calls" ? "Calls" : <span title={measure(of).definition}>{measure(of).label}</span>;
    const isMinor = index > 0;
    // By its size: what moved most stands first, in either direction.
    const moved = (row: Row) => Math.abs(pair(row).difference ?? 0);
    return [
      { name, title, isNumber: true, isMinor, cell: (row) => <Value of={of} value={pair(row).value} />, sortBy: (row) => pair(row).value ?? null },
      ...(isMinor || !isCompared
        ? []
        : ([
            { name: `${name}-before`, title: spans[1], isNumber: true, isMinor: true, cell: (row) => <Value of={of} value={pair(row).before} />, sortBy: (row) => pair(row).before ?? null },
            { name: `${name}-moved`, title: "Difference", isNumber: true, cell: (row) => differenceText(of, pair(row)), sortBy: moved },
          ] satisfies SortableColumn<Row>[])),
      ...(isCompared ? [{ name: `${name}-direction`, title: "Change", isNumber: true, isMinor, cell: (row: Row) => <Change of={of} {...pair(row)} label={spans[1]} /> }] : []),
    ];
  });
  const named: SortableColumn<Row> = {
    name: "name",
    title: label,
    isText: true,
    sortBy: (row) => nameOf(row.first),
    cell: ({ first }) => {
      const href = hrefOf?.(first);
      return href ? (
        <a href={href} data-item>
          {nameOf(first)}
        </a>
      ) : (
        nameOf(first)
      );
    },
  };
  return <SortableTable caption={`Both ranges by ${label.toLowerCase()}`} columns={[named, ...columns]} rows={rows} keyOf={(row) => row.id} usual={isCompared ? `${shown[0][0]}-moved` : shown[0][0]} parameter={`sort-${by}`} most={8} csv={csv} />;
}

function Value({ of, value }: { of: MeasureName; value: Value }) {
  const { cell, exact } = measure(of);
  return <span title={value === undefined ? "no calls" : exact(value)}>{cell(value)}</span>;
}

/** With its sign. Rates differ by points, as their direction says. */
function differenceText(of: MeasureName, { difference }: Pair): string {
  const { cell } = measure(of);
  if (difference === null) return UNKNOWN;
  const size = Math.abs(difference);
  return `${difference > 0 ? "+" : difference < 0 ? "−" : "±"}${cell === percent ? `${(size * 100).toFixed(1)} points` : cell(size)}`;
}
