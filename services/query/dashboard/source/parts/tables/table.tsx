/** A table whose rows are data: columns say how a cell is written. A row may be a link. */

import type { ComponentChildren } from "preact";
import { type Cell, textOf } from "./csv";
import { CsvLink, SaveCsv } from "./csv_link";

export interface Column<Row> {
  title: ComponentChildren;
  cell: (row: Row) => ComponentChildren;
  /** Numbers stand at the right. */
  isNumber?: boolean;
  /** Left out on narrow screens. */
  isMinor?: boolean;
  /** It takes the width that is left, and what does not fit is cut. */
  isWide?: boolean;
  /** "ascending" or "descending" where the table is sorted by it. */
  sorted?: "ascending" | "descending" | undefined;
  /** Its value: what it is sorted by, and what CSV has of it, where that is not the text of the cell. null sorts below everything. */
  sortBy?: (row: Row) => Cell;
  /** Its title in CSV, where the values have a unit there that the page writes beside each number. */
  csvTitle?: string;
  /** What stands under the column in a last row of totals, where any column has one. */
  total?: ComponentChildren;
}

interface Props<Row> {
  /** Says what the rows are, for screen readers. */
  caption: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  keyOf: (row: Row) => string | number;
  /** The address of the API's list of these rows: it has all of them as CSV. Without one, CSV has those of the table. */
  csv?: string | null | undefined;
  /** The rows of the table where it shows only the first of them. */
  all?: readonly Row[];
  /** What stands under the table at the left. */
  foot?: ComponentChildren;
}

export function Table<Row>({ caption, columns, rows, keyOf, csv, all = rows, foot }: Props<Row>) {
  return (
    <>
      <div class="table-scroll" tabIndex={0} role="region" aria-label={caption}>
        <table class="table">
          <caption class="only-read">{caption}</caption>
          <thead>
            <tr>
              {columns.map((column, index) => (
                <th key={index} scope="col" class={classOf(column)} aria-sort={column.sorted}>
                  {column.title}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={keyOf(row)}>
                {columns.map((column, index) => (
                  <td key={index} class={classOf(column)}>
                    {column.cell(row)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
          {columns.some((column) => column.total !== undefined) && (
            <tfoot>
              <tr>
                {columns.map((column, index) => (
                  <td key={index} class={classOf(column)}>
                    {column.total}
                  </td>
                ))}
              </tr>
            </tfoot>
          )}
        </table>
      </div>
      {rows.length > 0 && (
        <div class="table-foot">
          {foot}
          {csv ? <CsvLink of={csv} /> : <SaveCsv name={caption} cells={() => cellsOf(columns, all)} />}
        </div>
      )}
    </>
  );
}

/** A header row, and all rows. */
function cellsOf<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): Cell[][] {
  return [columns.map((column) => column.csvTitle ?? textOf(column.title)), ...rows.map((row) => columns.map((column) => (column.sortBy ? column.sortBy(row) : textOf(column.cell(row)))))];
}

function classOf<Row>(column: Column<Row>): string {
  return [column.isNumber && "is-number", column.isMinor && "is-minor", column.isWide && "is-wide"].filter(Boolean).join(" ");
}
