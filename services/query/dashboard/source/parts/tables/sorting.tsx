/** Tables that are sorted by a click on a column's head. The order stands in the address. */

import { useState } from "preact/hooks";
import { address, withParameters } from "../../address/address";
import { isPrinting } from "../printing";
import { type Column, Table } from "./table";

export interface SortableColumn<Row> extends Column<Row> {
  /** Its name in the address. A column without `sortBy` cannot be sorted. */
  name: string;
  /** Names are sorted from A to Z first. */
  isText?: boolean;
}

interface Props<Row> {
  caption: string;
  columns: readonly SortableColumn<Row>[];
  rows: readonly Row[];
  keyOf: (row: Row) => string | number;
  /** The column's name that sorts while nothing is chosen, the largest first. */
  usual: string;
  /** Of the parameter in the address, where a page has two such tables. */
  parameter?: string;
  /** How many rows are shown until all are asked for. */
  most?: number;
  /** As that of a table. */
  csv?: string | null | undefined;
}

/** The column that the address sorts by, and in which direction. */
export function sortedBy<Row>(columns: readonly SortableColumn<Row>[], usual: string, parameter = "sort") {
  const chosen = address.value.parameters.get(parameter) ?? usual;
  const name = chosen.replace(/\.asc$/, "");
  const column = columns.find((each) => each.sortBy && each.name === name) ?? columns.find((each) => each.name === usual);
  return { column, name: column?.name ?? usual, isAscending: chosen.endsWith(".asc") };
}

/** The columns with heads that sort by them. */
export function sortingHeads<Row>(columns: readonly SortableColumn<Row>[], usual: string, parameter = "sort"): Column<Row>[] {
  const { column, isAscending } = sortedBy(columns, usual, parameter);
  return columns.map((each): Column<Row> => {
    if (!each.sortBy) return each;
    const isThis = each === column;
    const ascends = isThis ? !isAscending : each.isText;
    const next = ascends ? `${each.name}.asc` : each.name;
    return {
      ...each,
      title: (
        <a href={withParameters({ [parameter]: next === usual ? null : next })} title={isThis ? "Sort the other way round" : "Sort by this"}>
          {each.title}
          <span aria-hidden="true">{isThis ? (isAscending ? "\u00a0↑" : "\u00a0↓") : ""}</span>
        </a>
      ),
      sorted: isThis ? (isAscending ? "ascending" : "descending") : undefined,
    };
  });
}

export function SortableTable<Row>({ caption, columns, rows, keyOf, usual, parameter = "sort", most = Infinity, csv }: Props<Row>) {
  const [isWhole, setWhole] = useState(false);
  const { column, isAscending } = sortedBy(columns, usual, parameter);
  const sortBy = column?.sortBy;
  const sorted = sortBy ? [...rows].sort((a, b) => compare(sortBy(a), sortBy(b)) * (isAscending ? 1 : -1)) : rows;
  const withHeads = sortingHeads(columns, usual, parameter);
  // One row more than there should be is shown at once: a button would take as much room.
  const isCut = !isWhole && !isPrinting.value && sorted.length > most + 1;
  const more = isCut && (
    <button type="button" class="button is-quiet is-small" onClick={() => setWhole(true)}>
      Show all {sorted.length}
    </button>
  );
  return <Table caption={caption} columns={withHeads} rows={isCut ? sorted.slice(0, most) : sorted} keyOf={keyOf} csv={csv} all={sorted} foot={more} />;
}

function compare(a: string | number | null, b: string | number | null): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? -1 : 1;
  if (typeof a === "string" && typeof b === "string") return a.localeCompare(b);
  return a < b ? -1 : a > b ? 1 : 0;
}
