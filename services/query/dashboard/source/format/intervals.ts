/** How finely a range of days is cut for a chart. */

import { addDays, dayText, daysBetween, monthStart, weekdayText } from "./days";

export const INTERVALS = ["hour", "day", "week", "month"] as const;
export type Interval = (typeof INTERVALS)[number];

const LABELS: Record<Interval, string> = { hour: "Hour", day: "Day", week: "Week", month: "Month" };
export const intervalLabel = (interval: Interval) => LABELS[interval];

interface Extent {
  first: string;
  last: string;
}

/** The intervals that make a readable chart of a range; the first is the usual one. That is chosen for the days that have anything: of a year with three weeks of data, a chart by week would be three bars. */
export function intervalsOf({ start, end }: { start: string | null; end: string | null }, extent: Extent | null): Interval[] {
  const days = daysIn(start, end, extent);
  const from = extent && start && start > extent.first ? start : (extent?.first ?? start);
  const to = extent && end && end < extent.last ? end : (extent?.last ?? end);
  const filled = from && to && from <= to ? daysIn(from, to, extent) : days;
  if (days <= 2) return ["hour"];
  if (days <= 14) return ["day", "hour"];
  if (filled <= 92) return ["day", "week", "month"];
  if (filled <= 400) return ["week", "day", "month"];
  return ["month", "week", "day"];
}

/** The last day of the interval that begins at `date`. */
export function lastDayOf(date: string, interval: Interval): string {
  const day = date.slice(0, 10);
  if (interval === "week") return addDays(day, 6);
  return interval === "month" ? addDays(monthStart(day, 1), -1) : day;
}

/** "Mon 16 Feb", "16 Feb, 14:00" or "February 2026", for tooltips and tables. A week is written as its days. */
export function intervalText(date: string, interval: Exclude<Interval, "week">): string {
  const day = date.slice(0, 10);
  const at = new Date(`${day}T00:00:00Z`);
  switch (interval) {
    case "hour":
      return `${dayText(day)}, ${date.slice(11)}`;
    case "day":
      return weekdayText(day);
    case "month":
      return at.toLocaleDateString("en-GB", { month: "long", year: "numeric", timeZone: "UTC" });
  }
}

/** How many days a range has; an open one has those with data. */
export function daysIn(start: string | null, end: string | null, extent: Extent | null): number {
  const from = start ?? extent?.first;
  const to = end ?? extent?.last;
  return from && to ? Math.max(1, daysBetween(from, to) + 1) : 30;
}
