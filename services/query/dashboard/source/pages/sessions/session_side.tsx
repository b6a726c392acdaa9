/** The list of sessions beside the one that is shown: the one that the viewer came from, else the newest. */

import { signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { go, withParameters } from "../../address/address";
import type { Parameters, Schemas } from "../../api/answers";
import { usePages } from "../../api/use_pages";
import { dayText } from "../../format/days";
import { projectName } from "../../format/names";
import { dayAt } from "../../format/times";
import { useFixedWindow } from "../../parts/tables/fixed_window";
import { useMedia } from "../../parts/use_media";
import { sessionAddress, sessionTitle } from "./session_row";

export const ON_A_PAGE = 100;
const ROW_PX = 48;
/** The conversation and its turns need the rest. */
const WIDE = "(min-width: 1400px)";
const PLACE = "tracker.list";
// The session itself is asked for first.
const LATER_MS = 200;

/** The list that was looked at last. */
const last: { query: Parameters; address: string; isKnown: boolean } = { query: {}, address: "/sessions", isKnown: false };
const isOpen = signal(localStorage.getItem(PLACE) !== "closed");
let shown: readonly Schemas["Session"][] = [];

export function rememberList(query: Parameters): void {
  Object.assign(last, { query, address: withParameters({ tz: null }), isKnown: true });
}

export const listAddress = () => last.address;

/** Goes to the session behind or before `id` in the list. */
export function toNeighbour(id: string, step: 1 | -1): void {
  const at = shown.findIndex((session) => session.session_id === id);
  const next = at < 0 ? undefined : shown[at + step];
  if (next) go(sessionAddress(next.session_id));
}

export function useSideList(): boolean {
  return useMedia(WIDE) && isOpen.value;
}

/** Shows the list, or takes it away. */
export function ListSwitch() {
  return (
    <button
      type="button"
      class="button is-small side-switch"
      aria-expanded={isOpen.value}
      title="The list of sessions at the side"
      onClick={() => {
        isOpen.value = !isOpen.value;
        localStorage.setItem(PLACE, isOpen.value ? "open" : "closed");
      }}
    >
      List
    </button>
  );
}

export function SessionSide({ id }: { id: string }) {
  const box = useRef<HTMLElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const [isDue, setDue] = useState(last.isKnown);
  useEffect(() => {
    const timer = window.setTimeout(() => setDue(true), LATER_MS);
    return () => window.clearTimeout(timer);
  }, []);
  const found = usePages(isDue ? "/api/sessions" : null, last.query, { pageItems: ON_A_PAGE });
  const items = found.pages.flatMap((page) => page.items);
  shown = items;
  const { first, last: end } = useFixedWindow(list, items.length, ROW_PX, box);
  const at = items.findIndex((session) => session.session_id === id);
  useEffect(() => {
    if (found.hasMore && !found.isReading && !found.problem && end > items.length - ON_A_PAGE / 2) found.more();
  }, [end, items.length, found.isReading]);
  // The one that is shown is in sight; else the list stays where it is.
  useLayoutEffect(() => {
    const scroller = box.current;
    if (!scroller || at < 0) return;
    const top = at * ROW_PX;
    if (top < scroller.scrollTop || top > scroller.scrollTop + scroller.clientHeight - ROW_PX) scroller.scrollTop = top - scroller.clientHeight / 2;
  }, [id, at >= 0]);
  return (
    <aside ref={box} class="side-list" aria-label="Sessions" data-items>
      <div ref={list} style={{ height: `${items.length * ROW_PX}px` }}>
        {items.slice(first, end).map((session, index) => {
          const day = dayAt(session.start_time);
          return (
            <a
              key={session.session_id}
              class="side-session"
              style={{ top: `${(first + index) * ROW_PX}px` }}
              href={sessionAddress(session.session_id)}
              aria-current={session.session_id === id ? "page" : undefined}
              title={sessionTitle(session)}
              data-item
            >
              <strong>{sessionTitle(session)}</strong>
              <span>
                {session.status === "open" && <b class="is-good">● </b>}
                {day && `${dayText(day)} · `}
                {projectName(session.project_id, session.project_name)}
              </span>
            </a>
          );
        })}
      </div>
    </aside>
  );
}
