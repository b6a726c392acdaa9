/** Instants in the zone of the page: the viewer's, or that of the address. */

import { zone } from "../address/range";
import { dayOf } from "./days";
import { UNKNOWN, age } from "./quantities";

const CLOCK: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };

/** "16 Feb, 14:03", with the year where it is not this one. */
export function timeText(instant: string | null | undefined): string {
  if (!instant) return UNKNOWN;
  const date = new Date(instant);
  const options: Intl.DateTimeFormatOptions = { day: "numeric", month: "short", timeZone: zone.value, ...CLOCK };
  if (date.getFullYear() !== new Date().getFullYear()) options.year = "numeric";
  return date.toLocaleString("en-GB", options);
}

/** The calendar day, in the zone of the page; null where the time is not known. */
export function dayAt(instant: string | null | undefined): string | null {
  return instant ? dayOf(new Date(instant), zone.value) : null;
}

export function clockText(instant: string | null | undefined, withSeconds = false): string {
  if (!instant) return UNKNOWN;
  return new Date(instant).toLocaleTimeString("en-GB", { ...CLOCK, timeZone: zone.value, ...(withSeconds && { second: "2-digit" }) });
}

/** The whole of it, for a tooltip: in the zone of the page, and in UTC. */
export function exactTime(instant: string | null | undefined): string {
  if (!instant) return "The time is not known.";
  const date = new Date(instant);
  const local = date.toLocaleString("en-GB", { dateStyle: "full", timeStyle: "long", timeZone: zone.value });
  return `${local} (${zone.value})\n${date.toISOString().replace("T", " ").replace(/\.\d+Z/, " UTC")}`;
}

/** "3 min ago". */
export function ago(instant: string | null | undefined, now = Date.now()): string {
  if (!instant) return UNKNOWN;
  const seconds = (now - Date.parse(instant)) / 1_000;
  if (seconds < 0 || seconds >= 30 * 86_400) return timeText(instant);
  return seconds < 10 ? "now" : `${age(seconds)} ago`;
}
