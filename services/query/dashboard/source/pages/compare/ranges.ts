/** The second of two ranges, from the address: `compare=previous`, `last-month` or `START..END`. */

import { go, parameter, withParameters } from "../../address/address";
import { presetDays, range, wrongDays, zone } from "../../address/range";
import type { Schemas } from "../../api/answers";
import { addDays, dayOf, dayText, daysBetween, today } from "../../format/days";
import { plural } from "../../format/quantities";
import type { Days } from "../../parts/filters/day_fields";

export const PREVIOUS = "previous";
export const LAST_MONTH = "last-month";

/** The days of both ranges as parameters of the API. null: the first has no first day, so that nothing is before it. */
export function comparedQuery(): Record<string, string> | null {
  const { start, end } = range.value;
  if (!start) return null;
  return { start_date: start, end_date: end ?? today(zone.value), compare: comparedDays() ?? PREVIOUS };
}

/** The choice in the address, where it is one. */
export function chosenComparison(): string {
  const text = parameter("compare") ?? PREVIOUS;
  return wrongComparison() ? PREVIOUS : text;
}

/** What is wrong with the second range in the address; null if nothing is. */
export function wrongComparison(): string | null {
  const text = parameter("compare");
  if (!text || text === PREVIOUS || text === LAST_MONTH) return null;
  const [start, end, more] = text.split("..");
  if (!start || !end || more !== undefined) return `“${text}” is no range of days. It is written as 2026-01-01..2026-01-31.`;
  return wrongDays(start, end);
}

function comparedDays(): string | null {
  const text = chosenComparison();
  if (text === PREVIOUS) return null;
  if (text !== LAST_MONTH) return text;
  return presetDays(text)?.join("..") ?? null;
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

/** The whole days of a range of an answer. */
export function daysOf({ start, end }: Schemas["UsageRange"]): { start: string; end: string; days: number } | null {
  if (!start || !end) return null;
  const first = dayOf(new Date(start), zone.value);
  const last = dayOf(new Date(Date.parse(end) - 1_000), zone.value);
  return { start: first, end: last, days: daysBetween(first, last) + 1 };
}

/** "5 Jan to 25 Jan, 21 days". */
export function daysText(of: Schemas["UsageRange"]): string {
  const found = daysOf(of);
  if (!found) return "all days";
  const { start, end, days } = found;
  return start === end ? dayText(start) : `${dayText(start)} to ${dayText(end)}, ${plural(days, "day")}`;
}
