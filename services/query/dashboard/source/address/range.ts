/** The range of days that a page shows, from the address; without one, the shortest usual range that has data. */

import { computed, signal } from "@preact/signals";
import { address, withParameters } from "./address";
import { isPassing, tryLater } from "../api/recovery";
import { Problem } from "../api/request";
import { readShared } from "../api/use_read";
import { addDays, dayText, daysBefore, daysBetween, isDay, monthStart, spanText, today, weekdayOf } from "../format/days";

/** The viewer's own time zone. */
export const viewerZone = Intl.DateTimeFormat().resolvedOptions().timeZone;
/** The zone that the address names; null without one, undefined where it is none that this browser knows. */
export const zoneOfAddress = computed(() => {
  const name = address.value.parameters.get("tz");
  return name ? knownZone(name) : null;
});
/** Where a day begins, and which times are shown: in the zone of the address, else in the viewer's. */
export const zone = computed(() => zoneOfAddress.value ?? viewerZone);

/** The zone as the tracker calls it too. Offsets, such as +02:00, are no names. */
function knownZone(name: string): string | undefined {
  try {
    return /^[a-z]/i.test(name) ? Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone : undefined;
  } catch {
    // It is said on the page.
    return undefined;
  }
}

type Days = readonly [first: string, last: string];

interface Preset {
  name: string;
  label: string;
  /** In a sentence: "the sessions …". */
  words: string;
  /** Its days, on a day; null is all of them. */
  daysOn: (day: string) => Days | null;
}

const lastDays = (days: number) => (day: string) => [addDays(day, 1 - days), day] as const;

export const PRESETS: readonly Preset[] = [
  { name: "today", label: "Today", words: "of today", daysOn: lastDays(1) },
  { name: "yesterday", label: "Yesterday", words: "of yesterday", daysOn: (day) => [addDays(day, -1), addDays(day, -1)] },
  { name: "week", label: "This week", words: "of this week", daysOn: (day) => [addDays(day, -weekdayOf(day)), day] },
  { name: "last-week", label: "Last week", words: "of last week", daysOn: (day) => [addDays(day, -weekdayOf(day) - 7), addDays(day, -weekdayOf(day) - 1)] },
  { name: "month", label: "This month", words: "of this month", daysOn: (day) => [monthStart(day), day] },
  { name: "last-month", label: "Last month", words: "of last month", daysOn: (day) => [monthStart(day, -1), addDays(monthStart(day), -1)] },
  { name: "7d", label: "7 days", words: "of the last 7 days", daysOn: lastDays(7) },
  { name: "30d", label: "30 days", words: "of the last 30 days", daysOn: lastDays(30) },
  { name: "90d", label: "90 days", words: "of the last 90 days", daysOn: lastDays(90) },
  { name: "365d", label: "A year", words: "of the last year", daysOn: lastDays(365) },
  { name: "all", label: "All", words: "of all time", daysOn: () => null },
];

export interface DayRange {
  name: string;
  label: string;
  /** The first and the last day, `YYYY-MM-DD`, both included; null is open. */
  start: string | null;
  end: string | null;
  /** Why this range, where nobody chose it. */
  reason: string | null;
}

interface Extent {
  first: string;
  last: string;
}

/** What this browser saw last: pages open with it at once, while it is asked for again. */
const PLACE = "tracker.days";

function stored(): Extent | null {
  try {
    const found = JSON.parse(localStorage.getItem(PLACE) ?? "null") as Partial<Extent> | null;
    return found && [found.first, found.last].every((day) => typeof day === "string" && isDay(day)) ? (found as Extent) : null;
  } catch {
    // Somebody else wrote it; it is written anew in a moment.
    return null;
  }
}

/** The first and last day with any event; null until it is known, and while there is none. */
export const extent = signal<Extent | null>(stored());
/** Whether nothing at all is stored. A key that may not ask for the sums of all its projects does not learn it. */
export const isEmpty = signal(false);
/** Whether it is known if there is any event. */
export const extentIsKnown = signal(extent.peek() !== null);

/** Asks for all days of the whole history. The overview's year map shows the same answer. */
export const historyQuery = computed(() => ({ group_by: "day", tz: zone.value }));

export async function findExtent(): Promise<void> {
  let usage;
  try {
    usage = await readShared("/api/usage", historyQuery.peek());
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    // The page shows the last 30 days then, and says itself what it cannot read. Before a login there is none.
    if (error.status !== 401) extentIsKnown.value = true;
    if (isPassing(error)) tryLater(error, () => void findExtent());
    return;
  }
  const days = usage.items.filter((item) => item.day && (item.total_tokens || item.messages || item.tool_calls || item.sessions));
  const first = days[0]?.day;
  const last = days.at(-1)?.day;
  const found = first && last ? { first, last } : null;
  const before = extent.peek();
  if (found?.first !== before?.first || found?.last !== before?.last) extent.value = found;
  if (zone.peek() === viewerZone) {
    if (found) localStorage.setItem(PLACE, JSON.stringify(found));
    else localStorage.removeItem(PLACE);
  }
  isEmpty.value = extent.value === null;
  extentIsKnown.value = true;
}

export const range = computed<DayRange>(() => {
  const { parameters } = address.value;
  const from = parameters.get("from");
  const to = parameters.get("to");
  const wrong = wrongDays(from, to);
  if (wrong) return { ...usual(), reason: wrong };
  if (from || to) return { name: "days", label: daysText(from, to), start: from, end: to, reason: null };
  const named = PRESETS.find((preset) => preset.name === parameters.get("range"));
  return named ? ofPreset(named.name, null) : usual();
});

function daysText(from: string | null, to: string | null): string {
  if (from && to) return spanText(from, to);
  return from ? `since ${dayText(from)}` : `until ${dayText(to ?? "")}`;
}

/** What is wrong with days that somebody typed or an address has; null if nothing is. */
export function wrongDays(from: string | null, to: string | null): string | null {
  const odd = [from, to].find((day) => day && !isDay(day));
  if (odd) return `“${odd}” is not a day. A day is written as 2026-01-31.`;
  return from && to && from > to ? `The last day, ${to}, is before the first, ${from}.` : null;
}

function ofPreset(name: string, reason: string | null): DayRange {
  const preset = PRESETS.find((each) => each.name === name);
  const [start, end] = preset?.daysOn(today(zone.value)) ?? [null, null];
  return { name, label: preset?.label ?? name, start, end, reason };
}

function usual(): DayRange {
  const last = extent.value?.last;
  const silentDays = last ? daysBetween(last, today(zone.value)) : 0;
  if (silentDays < 30) return ofPreset("30d", null);
  const reason = `Nothing happened in the last 30 days: the newest event is from ${last && dayText(last)}.`;
  return ofPreset(silentDays < 365 ? "365d" : "all", reason);
}

/** The days before those of the page; null for an open range. */
export const rangeBefore = computed(() => {
  const { start, end } = range.value;
  return start && end ? daysBefore(start, end) : null;
});

/** The address of what is shown now, the same for everybody: days without "the last", and their zone. All days stay all days. */
export function sharedAddress(): string {
  const { name, start, end } = range.value;
  const days = name === "all" ? { range: name } : { range: null, from: start, to: end ?? today(zone.value) };
  return withParameters({ ...days, tz: zone.value });
}

/** The address of this page with another range. */
export function rangeAddress(name: string): string {
  return withParameters({ range: name, from: null, to: null });
}
