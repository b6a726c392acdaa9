/** The tables of a comparison: a measure or a group a row, with both values, their difference and its direction. */

import type { Schemas } from "../../api/answers";
import { type MeasureName, measure } from "../../format/measures";
import { UNKNOWN, percent, withUnit } from "../../format/quantities";
import { Change } from "../../parts/stats/tile";
import { type SortableColumn, SortableTable } from "../../parts/tables/sorting";
import { Table } from "../../parts/tables/table";
import { type GroupName, type Row, groupOf, rowsOf } from "./groups";

type Pair = Pick<Schemas["Change"], "value" | "before" | "difference">;

const TOTALS: readonly MeasureName[] = ["active_minutes", "cost_usd", "total_tokens", "active_sessions", "messages", "tool_calls", "tool_errors", "error_rate", "lines_added", "lines_removed"];
const BEFORE = "Before";

/** Whether anything is in the range before: without, there is nothing to compare with. */
export function hasBefore(totals: readonly Schemas["Change"][]): boolean {
  return totals.some((each) => Boolean(each.before));
}

export function TotalsTable({ totals }: { totals: readonly Schemas["Change"][] }) {
  const isCompared = hasBefore(totals);
  const found = new Map<string, Pair>(totals.map((each) => [each.measure, each]));
  const [calls, errors] = [found.get("tool_calls"), found.get("tool_errors")];
  if (calls && errors) found.set("error_rate", rates(errors, calls));
  const rows = TOTALS.flatMap((of) => {
    const pair = found.get(of);
    return pair && (pair.value !== 0 || pair.before !== 0) ? [{ of, pair }] : [];
  });
  return (
    <Table
      caption="Both ranges in all"
      rows={rows}
      keyOf={({ of }) => of}
      columns={[
        { title: "Measure", cell: ({ of }) => <span title={measure(of).definition}>{measure(of).label}</span>, sortBy: ({ of }) => withUnit(measure(of).label, measure(of).exact) },
        { title: "Now", isNumber: true, cell: ({ of, pair }) => <Value of={of} value={pair.value} />, sortBy: ({ pair }) => pair.value },
        { title: BEFORE, isNumber: true, cell: ({ of, pair }) => <Value of={of} value={pair.before} />, sortBy: ({ pair }) => pair.before },
        { title: "Difference", isNumber: true, isMinor: true, cell: ({ of, pair }) => differenceText(of, pair, isCompared), sortBy: ({ pair }) => pair.difference },
        { title: "Change", isNumber: true, cell: ({ of, pair }) => <Direction of={of} pair={pair} isCompared={isCompared} /> },
      ]}
    />
  );
}

function rates(errors: Pair, calls: Pair): Pair {
  const rate = (of: number | null, among: number | null) => (among ? (of ?? 0) / among : null);
  const [value, before] = [rate(errors.value, calls.value), rate(errors.before, calls.before)];
  return { value, before, difference: value === null || before === null ? null : value - before };
}

export function GroupTable({ items, by, isCompared, csv }: { items: readonly Schemas["ChangeOfGroup"][]; by: GroupName; isCompared: boolean; csv: string | null }) {
  const { label, nameOf, hrefOf, shown } = groupOf(by);
  const rows = rowsOf(items, by);
  if (rows.length === 0) return <p class="quiet">There is nothing in either range.</p>;
  const columns = shown.flatMap(([name, of], index): SortableColumn<Row>[] => {
    const pairOf = (row: Row): Pair => row.of[name] ?? { value: null, before: null, difference: null };
    // Calls that failed are those that were rejected too, other than those of the measure.
    const title = name === "calls" ? "Calls" : <span title={measure(of).definition}>{measure(of).label}</span>;
    const isMinor = index > 0;
    // By its size: what moved most stands first, in either direction.
    const moved = (row: Row) => Math.abs(pairOf(row).difference ?? 0);
    return [
      { name, title, isNumber: true, isMinor, cell: (row) => <Value of={of} value={pairOf(row).value} />, sortBy: (row) => pairOf(row).value },
      ...(isMinor
        ? []
        : ([
            { name: `${name}-before`, title: BEFORE, isNumber: true, isMinor: true, cell: (row) => <Value of={of} value={pairOf(row).before} />, sortBy: (row) => pairOf(row).before },
            { name: `${name}-moved`, title: "Difference", isNumber: true, cell: (row) => differenceText(of, pairOf(row), isCompared), sortBy: moved },
          ] satisfies SortableColumn<Row>[])),
      { name: `${name}-direction`, title: "Change", isNumber: true, isMinor, cell: (row) => <Direction of={of} pair={pairOf(row)} isCompared={isCompared} /> },
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
  return <SortableTable caption={`Both ranges by ${label.toLowerCase()}`} columns={[named, ...columns]} rows={rows} keyOf={(row) => row.id} usual={`${shown[0][0]}-moved`} parameter={`sort-${by}`} most={8} csv={csv} />;
}

function Value({ of, value }: { of: MeasureName; value: number | null }) {
  const { short, exact } = measure(of);
  return <span title={exact(value)}>{short(value)}</span>;
}

/** With its sign. Rates differ by points, as their direction says. */
function differenceText(of: MeasureName, { difference }: Pair, isCompared: boolean): string {
  const { short } = measure(of);
  if (short === percent && difference !== null) return "";
  if (difference === null || !isCompared) return UNKNOWN;
  return `${difference > 0 ? "+" : difference < 0 ? "−" : "±"}${short(Math.abs(difference))}`;
}

function Direction({ of, pair: { value, before }, isCompared }: { of: MeasureName; pair: Pair; isCompared: boolean }) {
  return isCompared ? <Change of={of} value={value} before={before} label={BEFORE} /> : null;
}
