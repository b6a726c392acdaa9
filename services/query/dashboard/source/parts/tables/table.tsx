/** A table whose rows are data: columns say how a cell is written. A row may be a link. */

import type { ComponentChildren } from "preact";

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
  /** What stands under the column in a last row of totals, where any column has one. */
  total?: ComponentChildren;
}

interface Props<Row> {
  /** Says what the rows are, for screen readers. */
  caption: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  keyOf: (row: Row) => string | number;
}

export function Table<Row>({ caption, columns, rows, keyOf }: Props<Row>) {
  return (
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
  );
}

function classOf<Row>(column: Column<Row>): string {
  return [column.isNumber && "is-number", column.isMinor && "is-minor", column.isWide && "is-wide"].filter(Boolean).join(" ");
}
