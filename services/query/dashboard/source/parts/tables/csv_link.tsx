/** The rows of a table or list as CSV: from the API where it has them, else made of what the page has. */

import { type Cell, csvAddress, csvOf, save } from "./csv";

const TITLE = "All rows as CSV";

/** `of` is the address that the page read. The API gives all of its rows, with the same filters. */
export function CsvLink({ of }: { of: string | null }) {
  return of ? (
    <a class="csv" href={csvAddress(of)} download title={TITLE}>
      CSV
    </a>
  ) : null;
}

/** `cells` gives a header row and the others, once they are asked for. */
export function SaveCsv({ name, cells }: { name: string; cells: () => Cell[][] }) {
  return (
    <button type="button" class="csv" title={TITLE} onClick={() => save(`${name.toLowerCase().replaceAll(" ", "-")}.csv`, csvOf(cells()))}>
      CSV
    </button>
  );
}
