/** CSV as the API writes it: RFC 4180 with a header row. */

import { type ComponentChildren, createElement, Fragment, render } from "preact";

export type Cell = string | number | null;

// What a spreadsheet would run as a formula, as in services/query/http/list_formats.py.
const FORMULA = /^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/;

/** A text that a spreadsheet would run gets a ' in front. Numbers stay numbers, and what is not known is empty. */
export function csvOf(rows: readonly (readonly Cell[])[]): string {
  return rows.map((row) => `${row.map(field).join()}\r\n`).join("");
}

function field(value: Cell): string {
  if (typeof value === "number") return String(value);
  const text = value === null ? "" : FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** The address of all rows of a list of the API. */
export function csvAddress(address: string): string {
  const url = new URL(address, location.href);
  url.searchParams.delete("limit");
  url.searchParams.set("format", "csv");
  return url.pathname + url.search;
}

/** What is read of a cell. */
export function textOf(cell: ComponentChildren): string {
  const box = document.createElement("div");
  render(createElement(Fragment, null, cell), box);
  const read = box.cloneNode(true) as HTMLElement;
  render(null, box);
  for (const mark of read.querySelectorAll("[aria-hidden]")) mark.remove();
  return read.textContent?.trim() ?? "";
}

/** Lets the browser save a text as a file. */
export function save(name: string, text: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  link.download = name;
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(link.href));
}
