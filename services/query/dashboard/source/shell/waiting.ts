/** What the tab's title says on every page: a limit that is near, and how many sessions wait or failed. The browser notifies of these, if its viewer wants it. */

import { computed, signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Schemas } from "../api/answers";
import { me } from "../api/identity";
import { Problem, attempt, needsLogin, read } from "../api/request";
import { readShared } from "../api/use_read";
import { LIMITS, limitQuery } from "../format/limits";
import { plural } from "../format/quantities";
import terms from "../format/terms";
import { notifyOf } from "./notices";

export interface WaitingSession {
  /** null for a key that sees no sessions. */
  id: string | null;
  state: string | null;
  title: string | null;
  prompt: string | null;
  tool: string | null;
  input: string | null;
  asks: string | null;
  error: string | null;
}

/** Where no page tells of sessions by itself they are asked for so often, also while nobody sees the tab. */
const READ_MS = 15_000;
const LOOK_MS = 3_000;
const LIMITS_MS = 60_000;
/** A limit is near from here on. */
const NEAR = 80;

const waiting = signal<readonly WaitingSession[]>([]);
const near = signal("");
let toldAt = 0;
let limitsAt = 0;

/** As the title begins: "92 % of 5 h, 2 wait, 1 failed"; "" if there is none of it. */
export const waitingWords = computed(() => {
  const failed = waiting.value.filter(({ state }) => state === "error").length;
  const waits = waiting.value.length - failed;
  return [near.value, waits && plural(waits, "waits", "wait"), failed && `${failed} failed`].filter(Boolean).join(", ");
});

/** Takes the open sessions. */
export function tell(sessions: readonly WaitingSession[]): void {
  toldAt = Date.now();
  waiting.value = sessions.filter(({ state }) => state !== null && Object.hasOwn(terms.waits, state));
  notifyOf(waiting.value);
}

export function waitingFrom(rows: readonly Schemas["LiveSession"][]): WaitingSession[] {
  return rows.map((row) => ({ id: row.session_id, state: row.state, title: row.title, prompt: row.last_prompt, tool: row.tool_name, input: row.tool_input, asks: row.asks, error: row.error }));
}

/** Reads them now and then. The page Now tells them while it is seen. */
export function useWaiting(): void {
  useEffect(() => {
    const timer = window.setInterval(() => {
      if (needsLogin.peek()) {
        tell([]);
        near.value = "";
        limitsAt = 0;
        return;
      }
      if (Date.now() - toldAt >= READ_MS) void readSessions();
      if (me.peek() && Date.now() - limitsAt >= LIMITS_MS) void readLimits();
    }, LOOK_MS);
    return () => window.clearInterval(timer);
  }, []);
}

async function readSessions(): Promise<void> {
  toldAt = Date.now();
  try {
    tell(waitingFrom((await read("/api/live/sessions")).items));
  } catch (error) {
    // What was told stands until it answers again; the page says what is wrong.
    if (!(error instanceof Problem)) throw error;
  }
}

async function readLimits(): Promise<void> {
  limitsAt = Date.now();
  await attempt(async () => {
    // The fullest is first.
    const found = (await readShared("/api/quota", limitQuery())).windows.find(({ kind, freshness, used_percentage: used }) => LIMITS[kind] && freshness !== "over" && used >= NEAR);
    near.value = found ? `${Math.floor(found.used_percentage)} % of ${LIMITS[found.kind]}` : "";
  });
}
