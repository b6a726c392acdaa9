/** The filters that a page's numbers share. They stand in the address, and go along from page to page. */

import { computed } from "@preact/signals";
import { address, withParameters } from "./address";
import { range, zone } from "./range";

export const FILTERS = ["project", "user", "machine", "model"] as const;
export type Filter = (typeof FILTERS)[number];

/** The chosen filters by name. */
export const chosen = computed(() => {
  const found: Partial<Record<Filter, string>> = {};
  for (const name of FILTERS) {
    const value = address.value.parameters.get(name);
    if (value) found[name] = value;
  }
  return found;
});

const PARAMETERS: Record<Filter, string> = { project: "project_id", user: "user", machine: "machine", model: "model" };

/** The filters as parameters of the API, those of `names` alone. */
export function filterQuery(names: readonly Filter[] = ["project", "user", "machine"]): Record<string, string> {
  return Object.fromEntries(names.flatMap((name) => (chosen.value[name] ? [[PARAMETERS[name], chosen.value[name] as string]] : [])));
}

/** The range and the filters as parameters of the API. */
export function rangeQuery(names?: readonly Filter[]): Record<string, string> {
  const { start, end } = range.value;
  return { ...(start ? { start_date: start } : {}), ...(end ? { end_date: end } : {}), tz: zone.value, ...filterQuery(names) };
}

/** The address of this page filtered by it, or no longer where it was: what a click on a row does. */
export function toggled(filter: Filter, value: string | number | null | undefined): string | undefined {
  if (value === null || value === undefined || value === "") return undefined;
  return withParameters({ [filter]: chosen.value[filter] === String(value) ? null : String(value) });
}

/** The address of another page with the same range and filters. */
export function pageAddress(path: string, changes: Record<string, string | null> = {}): string {
  const shared = new URLSearchParams();
  for (const name of ["range", "from", "to", "tz", ...FILTERS]) {
    const value = address.value.parameters.get(name);
    if (value) shared.set(name, value);
  }
  return withParameters(changes, path, shared);
}

/** Whether the address itself names days. Pages about all of the history are narrowed by these alone, not by the range that others open with. */
export function hasDays(): boolean {
  const { name } = range.value;
  return name === "days" || (address.value.parameters.has("range") && name !== "all");
}

/** The days that the address names, as parameters of the API. */
export function daysOfAddress(): Record<string, string> {
  if (!hasDays()) return {};
  const { start, end } = range.value;
  return { ...(start ? { start_date: start } : {}), ...(end ? { end_date: end } : {}) };
}
