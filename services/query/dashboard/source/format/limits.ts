/** The limits of the account, in words. */

import { me } from "../api/identity";
import type { Schemas } from "../api/answers";
import { dayOf, weekdayText } from "./days";
import { clockText } from "./times";
import { zone } from "../address/range";

/** Those that Claude Code shows of each account, by the name that it gives them. */
export const LIMITS: Record<string, string> = { five_hour: "5 h", seven_day: "7 d" };

/** The viewer's own limits, where the key says who that is. */
export function limitQuery(): { user?: string | null } {
  return { user: me.value?.key?.user ?? null };
}

/** Between which percentages it ends. */
export function atReset({ low, high }: Schemas["Likely"]): string {
  if (low >= 100) return "full before the reset";
  return `${Math.round(low)} to ${Math.min(Math.round(high), 100)} %${high >= 100 ? ", maybe full before" : ""}`;
}

/** "16:00", of another day "Tue 8 Dec 16:00". */
export function resetText(instant: string): string {
  const day = dayOf(new Date(instant), zone.value);
  return `${day === dayOf(new Date(), zone.value) ? "" : `${weekdayText(day)} `}${clockText(instant)}`;
}
