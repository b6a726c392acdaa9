/** How the dates of a chart are written, and where they lead. */

import { go, withParameters } from "../../address/address";
import { pageAddress } from "../../address/filters";
import { range, zone } from "../../address/range";
import { spanText, today } from "../../format/days";
import { type Interval, intervalText, lastDayOf } from "../../format/intervals";

/** The properties of a chart over time. `project` is the page's own, where it does not stand in the address as a filter. */
export function timeAxis(interval: Interval, project?: number | undefined) {
  const daysOf = (from: string, to: string) => countedDays(from.slice(0, 10), lastDayOf(to, interval));
  /** The address of this page with these days. */
  const rangeOf = ([from, to]: Days) => withParameters({ range: null, interval: null, from, to });
  return {
    dateText: (date: string) => (interval === "week" ? spanText(...daysOf(date, date)) : intervalText(date, interval)),
    spanText: (from: string, to: string) => (interval === "hour" ? `${intervalText(from, interval)} to ${intervalText(to, interval)}` : spanText(...daysOf(from, to))),
    /** A day, and the day of an hour, has a page of its own; a week or a month is the range of this page. */
    hrefOf: (date: string) =>
      interval === "week" || interval === "month"
        ? rangeOf(daysOf(date, date))
        : pageAddress(`/days/${date.slice(0, 10)}`, { range: null, from: null, to: null, ...(project !== undefined && { project: String(project) }) }),
    onChoose: (from: string, to: string) => go(rangeOf(daysOf(from, to))),
  };
}

type Days = readonly [first: string, last: string];

/** Without the days of its first and last week or month that are not in the range: they are not in the bar. */
function countedDays(first: string, last: string): Days {
  const { start, end } = range.value;
  const until = end ?? today(zone.value);
  return [start && start > first && start <= last ? start : first, until < last && until >= first ? until : last];
}
