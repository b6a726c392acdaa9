/** The second of two ranges, from the address: `compare=previous`, `last-month`, `last-year` or `START..END`. */

import { go, parameter, withParameters } from "../../address/address";
import { range, wrongDays, zone } from "../../address/range";
import { type Before, addDays, daysBefore, daysBetween, monthStart, spanText, today } from "../../format/days";
import { plural } from "../../format/quantities";
import type { Days } from "../../parts/filters/day_fields";

export const PREVIOUS = "previous";
/** So many months earlier than the range, whatever today is. */
const EARLIER: Record<string, [months: number, label: string, most: number]> = { "last-month": [1, "A month earlier", 31], "last-year": [12, "A year earlier", 366] };

/** The days of both ranges as parameters of the API. null: the first has no first day, so that nothing is before it. */
export function comparedQuery(): Record<string, string> | null {
  const { start, end } = range.value;
  if (!start) return null;
  const chosen = chosenComparison();
  const named = choices().find(({ value }) => value === chosen);
  return { start_date: start, end_date: end ?? today(zone.value), compare: named ? `${named.start}..${named.end}` : chosen };
}

interface Choice extends Before {
  value: string;
}

/** What the range can be compared with by its name: the days before it, and the same days a month and a year earlier where these are others. */
export function choices(): Choice[] {
  const { start, end } = range.value;
  if (!start) return [];
  const last = end ?? today(zone.value);
  const before = { value: PREVIOUS, ...daysBefore(start, last) };
  const days = daysBetween(start, last) + 1;
  const isMonths = [start, addDays(last, 1)].every((day) => day.endsWith("-01"));
  const earlier = Object.entries(EARLIER).map(([value, [months, label, most]]) => ({ value, label, most, start: earlierDay(start, months), end: isMonths ? addDays(monthStart(last, 1 - months), -1) : earlierDay(last, months) }));
  return [before, ...earlier.filter((each) => days <= each.most && each.start !== before.start)];
}

/** The same day so many months earlier, or the last one of a month that is shorter. */
function earlierDay(day: string, months: number): string {
  const same = addDays(monthStart(day, -months), Number(day.slice(8)) - 1);
  const last = addDays(monthStart(day, 1 - months), -1);
  return same < last ? same : last;
}

/** The choice in the address, where it is one. */
export function chosenComparison(): string {
  const text = parameter("compare") ?? PREVIOUS;
  return wrongComparison() || (text in EARLIER && !choices().some(({ value }) => value === text)) ? PREVIOUS : text;
}

/** What is wrong with the second range in the address; null if nothing is. */
export function wrongComparison(): string | null {
  const text = parameter("compare");
  if (!text || text === PREVIOUS || text in EARLIER) return null;
  const [start, end, more] = text.split("..");
  if (!start || !end || more !== undefined) return `“${text}” is not a range of days. A range is written as 2026-01-01..2026-01-31.`;
  return wrongDays(start, end);
}

/** The days from this one to today, and as many before it. */
export function chooseDay(day: string): void {
  const days = daysBetween(day, today(zone.value)) + 1;
  if (days < 1) return;
  go(withParameters({ range: null, from: day, to: today(zone.value), compare: `${addDays(day, -days)}..${addDays(day, -1)}` }));
}

export function chooseDays({ start, end }: Days): void {
  if (start && end) go(withParameters({ compare: `${start}..${end}` }));
}

export function daysOf(start = "", end = start): { start: string; end: string; days: number } {
  return { start, end, days: daysBetween(start, end) + 1 };
}

/** "5–25 Jan (21 days)". */
export function daysText({ start, end, days }: ReturnType<typeof daysOf>): string {
  return `${spanText(start, end)} (${plural(days, "day")})`;
}
