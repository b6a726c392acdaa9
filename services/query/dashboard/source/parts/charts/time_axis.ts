/** How the dates of a chart are written, and where they lead. */

import { go, withParameters } from "../../address/address";
import { pageAddress } from "../../address/filters";
import { type Interval, intervalText, lastDayOf } from "../../format/intervals";

/** The properties of a chart over time. `project` is the page's own, where it does not stand in the address as a filter. */
export function timeAxis(interval: Interval, project?: number | undefined) {
  return {
    interval,
    dateText: (date: string) => intervalText(date, interval),
    hrefOf: (date: string) => dateAddress(date, interval, project),
    onChoose: (from: string, to: string) => go(rangeOf(from, to, interval)),
  };
}

/** A day, and the day of an hour, has a page of its own; a week or a month is the range of this page. */
function dateAddress(date: string, interval: Interval, project: number | undefined): string {
  if (interval === "week" || interval === "month") return rangeOf(date, date, interval);
  return pageAddress(`/days/${date.slice(0, 10)}`, { range: null, from: null, to: null, ...(project !== undefined && { project: String(project) }) });
}

/** The address of this page with the days from one interval to another. */
function rangeOf(from: string, to: string, interval: Interval): string {
  return withParameters({ range: null, interval: null, from: from.slice(0, 10), to: lastDayOf(to, interval) });
}
