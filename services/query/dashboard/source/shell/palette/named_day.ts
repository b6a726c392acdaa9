/** A day in a person's words, as `tracker day` takes it (client/questions/period.py), and a few more. */

import { addDays, isDay, weekdayOf } from "../../format/days";

const WEEKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
const MONTHS = ["january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"];

/** YYYY-MM-DD, or null where it names no day. A weekday is the last one before `today`; a date without its year, the last one up to `today`. */
export function namedDay(text: string, today: string): string | null {
  const name = text.trim().toLowerCase().replace(/^(on|last) /, "");
  if (isDay(name)) return name;
  if (name === "today") return today;
  if (name === "yesterday") return addDays(today, -1);
  const ago = /^(\d{1,4}) days? ago$/.exec(name);
  if (ago) return addDays(today, -Number(ago[1]));
  const weekday = begunIn(WEEKDAYS, name);
  if (weekday >= 0) return addDays(today, -((weekdayOf(today) - weekday + 6) % 7) - 1);
  const [, day, first, last, year] = /^(?:(\d{1,2})(?:\.|st|nd|rd|th)? )?([a-z]+)\.?(?: (\d{1,2})(?:st|nd|rd|th)?)?(?:,? (\d{4}))?$/.exec(name) ?? [];
  const month = begunIn(MONTHS, first ?? "");
  if (month < 0 || !day === !last) return null;
  const inYear = (of: number) => `${of}-${String(month + 1).padStart(2, "0")}-${(day ?? last ?? "").padStart(2, "0")}`;
  const now = Number(today.slice(0, 4));
  // The 29th of February is years ago.
  const found = year ? [inYear(Number(year))] : Array.from({ length: 8 }, (_, back) => inYear(now - back)).filter((each) => each <= today);
  return found.find(isDay) ?? null;
}

/** Which of them begins so. Three letters are enough. */
function begunIn(names: readonly string[], text: string): number {
  return text.length < 3 ? -1 : names.findIndex((name) => name.startsWith(text));
}
