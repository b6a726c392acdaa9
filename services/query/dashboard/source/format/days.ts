/** Calendar days as `YYYY-MM-DD`. They are computed in UTC, where each day has 24 hours, so that summer time changes nothing. */

const DAY_MS = 86_400_000;

export function today(zone: string): string {
  return dayOf(new Date(), zone);
}

/** The calendar day of an instant in a time zone. */
export function dayOf(instant: Date, zone: string): string {
  const found = new Intl.DateTimeFormat("en-CA", { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit" }).formatToParts(instant);
  const part = (type: string) => found.find((each) => each.type === type)?.value ?? "";
  return `${part("year")}-${part("month")}-${part("day")}`;
}

/** Whether it is a day of the calendar, as YYYY-MM-DD. */
export function isDay(text: string): boolean {
  const at = Date.parse(`${text}T00:00:00Z`);
  return /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(at) && new Date(at).toISOString().startsWith(text);
}

export function addDays(day: string, days: number): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);
}

/** The first day of the month of a day, or of the month so many months later. */
export function monthStart(day: string, later = 0): string {
  const [year = 0, month = 1] = day.split("-").map(Number);
  return new Date(Date.UTC(year, month - 1 + later, 1)).toISOString().slice(0, 10);
}

/** How many days after `from` is `to`. */
export function daysBetween(from: string, to: string): number {
  return Math.round((Date.parse(`${to}T00:00:00Z`) - Date.parse(`${from}T00:00:00Z`)) / DAY_MS);
}

/** 0 is Monday. */
export function weekdayOf(day: string): number {
  return (new Date(`${day}T00:00:00Z`).getUTCDay() + 6) % 7;
}

/** "1–31 Mar", "28 Feb–3 Mar", "16 Feb". A year that both have stands once. */
export function spanText(first: string, last: string): string {
  if (first === last) return dayText(first);
  const same = (length: number) => first.slice(0, length) === last.slice(0, length);
  return `${same(7) ? Number(first.slice(8)) : same(4) ? dayText(first).replace(/ \d{4}$/, "") : dayText(first)}–${dayText(last)}`;
}

/** "Monday 16 February 2026". */
export function longDayText(day: string): string {
  return new Date(`${day}T00:00:00Z`).toLocaleDateString("en-GB", { weekday: "long", day: "numeric", month: "long", year: "numeric", timeZone: "UTC" }).replace(",", "");
}

/** "Mon 16 Feb", with the year where it is not this one. */
export function weekdayText(day: string): string {
  return `${new Date(`${day}T00:00:00Z`).toLocaleDateString("en-GB", { weekday: "short", timeZone: "UTC" })} ${dayText(day)}`;
}

/** "16 Feb", with the year where it is not this one. */
export function dayText(day: string): string {
  const date = new Date(`${day}T00:00:00Z`);
  const options: Intl.DateTimeFormatOptions = { day: "numeric", month: "short", timeZone: "UTC" };
  if (date.getUTCFullYear() !== new Date().getFullYear()) options.year = "numeric";
  return date.toLocaleDateString("en-GB", options);
}

export interface Before {
  start: string;
  end: string;
  /** What it is, whatever today is: "The 30 days before". */
  label: string;
}

/** What a range is compared with, as the API has it for `previous` (services/query/queries/stats/ranges.py): tests/days_before.json has cases of both. */
export function daysBefore(start: string, end: string): Before {
  const days = daysBetween(start, end) + 1;
  const until = addDays(start, -1);
  const [year = 0, month = 0, lastYear = 0, lastMonth = 0] = [start, end].flatMap((day) => day.split("-").map(Number).slice(0, 2));
  const months = (lastYear - year) * 12 + lastMonth - month + 1;
  const endsMonth = addDays(end, 1).endsWith("-01");
  if (start.endsWith("-01") && days > 1 && (endsMonth || months === 1)) {
    const first = monthStart(start, -months);
    const last = addDays(first, days - 1);
    if (endsMonth) return { start: first, end: until, label: months === 1 ? "The month before" : `The ${months} months before` };
    return { start: first, end: last < until ? last : until, label: "The same days of the month before" };
  }
  if (weekdayOf(start) === 0 && days > 1 && days < 7) return { start: addDays(start, -7), end: addDays(end, -7), label: "The same days of the week before" };
  return { start: addDays(start, -days), end: until, label: days === 1 ? "The day before" : `The ${days} days before` };
}
