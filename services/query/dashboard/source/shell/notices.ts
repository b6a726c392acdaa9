/** Notifications of the browser: once for each session that begins to wait or has failed, unless its viewer sees the tab. */

import { signal } from "@preact/signals";
import { go } from "../address/address";
import terms from "../format/terms";
import type { WaitingSession } from "./waiting";

const PLACE = "tracker.notices";

/** Whether this browser is to notify. */
export const wantsNotices = signal(localStorage.getItem(PLACE) === "on" && permission() === "granted");
/** Why it does not, though it was asked to. */
export const noticeProblem = signal("");

let statesBefore: Map<string, string | null> | null = null;
const shown = new Map<string, Notification>();

function permission(): NotificationPermission | "none" {
  return "Notification" in window ? Notification.permission : "none";
}

/** Asks the browser for its permission, if it has none yet. */
export async function wantNotices(isWanted: boolean): Promise<void> {
  noticeProblem.value = "";
  localStorage.removeItem(PLACE);
  wantsNotices.value = false;
  if (!isWanted) return;
  if (!window.isSecureContext) noticeProblem.value = "Browsers notify only of pages with an https address, or on localhost.";
  else if (permission() === "none") noticeProblem.value = "This browser has no notifications.";
  else if ((await Notification.requestPermission()) !== "granted") noticeProblem.value = "This browser does not allow it. Allow notifications in its settings for this site.";
  else {
    localStorage.setItem(PLACE, "on");
    wantsNotices.value = true;
  }
}

/** Takes the sessions that wait now. What waited before the page was opened is not news. */
export function notifyOf(waiting: readonly WaitingSession[]): void {
  const before = statesBefore;
  statesBefore = new Map(waiting.flatMap(({ id, state }) => (id === null ? [] : [[id, state]])));
  for (const [id, notice] of shown) {
    if (before?.get(id) === statesBefore.get(id)) continue;
    notice.close();
    shown.delete(id);
  }
  if (!before || !document.hidden || !wantsNotices.peek()) return;
  for (const session of waiting) if (session.id !== null && before.get(session.id) !== session.state) notify(session.id, session);
}

function notify(id: string, { state, title, prompt, tool, input, asks, error }: WaitingSession): void {
  const { label } = terms.states[state as keyof typeof terms.states];
  const body = error ?? ([tool, input].filter(Boolean).join(": ") || asks?.split("\n").at(-1) || prompt || "");
  try {
    // Two tabs show one.
    const notice = new Notification(`${label}: ${title ?? prompt ?? "a session"}`, { body, tag: `${id} ${state}` });
    notice.onclick = () => {
      window.focus();
      go(`/sessions/${encodeURIComponent(id)}`);
      notice.close();
    };
    shown.set(id, notice);
  } catch {
    // Browsers of phones know the name and refuse the thing.
    void wantNotices(false);
    noticeProblem.value = "This browser does not notify from a page.";
  }
}
