/** Sessions that wait or failed: the tab's title says how many on every page, and the browser notifies, if its viewer wants it. */

import { computed, signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Schemas } from "../api/answers";
import { Problem, needsLogin, read } from "../api/request";
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
  error: string | null;
}

/** Where no page tells of sessions by itself they are asked for so often, also while nobody sees the tab. */
const READ_MS = 15_000;
const LOOK_MS = 3_000;

const waiting = signal<readonly WaitingSession[]>([]);
let toldAt = 0;

/** As the title begins: "2 wait, 1 failed"; "" if none does. */
export const waitingWords = computed(() => {
  const failed = waiting.value.filter(({ state }) => state === "error").length;
  const waits = waiting.value.length - failed;
  return [waits && plural(waits, "waits", "wait"), failed && `${failed} failed`].filter(Boolean).join(", ");
});

/** Takes the open sessions. */
export function tell(sessions: readonly WaitingSession[]): void {
  toldAt = Date.now();
  waiting.value = sessions.filter(({ state }) => state !== null && Object.hasOwn(terms.waits, state));
  notifyOf(waiting.value);
}

export function waitingFrom(rows: readonly Schemas["LiveSession"][]): WaitingSession[] {
  return rows.map((row) => ({ id: row.session_id, state: row.state, title: row.title, prompt: row.last_prompt, tool: row.tool_name, input: row.tool_input, error: row.error }));
}

/** Reads them now and then. The page Now tells them while it is seen. */
export function useWaiting(): void {
  useEffect(() => {
    const timer = window.setInterval(() => {
      if (needsLogin.peek()) tell([]);
      else if (Date.now() - toldAt >= READ_MS) void readSessions();
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
