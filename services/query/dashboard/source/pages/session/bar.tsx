/** The bar that stays while one scrolls: where one is, ways on, search, and whether the session is followed live. */

import type { ReadonlySignal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { address, go, withParameters } from "../../address/address";
import type { Schemas } from "../../api/answers";
import { measure } from "../../format/measures";
import { count } from "../../format/quantities";
import { sessionTitle } from "../sessions/session_row";
import type { LiveTail } from "./timeline/live_tail";
import { SessionSearch } from "./search/session_search";
import type { Item, Timeline } from "./timeline/timeline_store";
import type { Jumps } from "./use_jumps";

interface Props {
  session: Schemas["Session"];
  /** The item at the top of the screen; at the end the last one. */
  reached: ReadonlySignal<Item | undefined>;
  totals: Timeline["totals"] | null;
  live: LiveTail;
  jumps: Jumps;
  /** The subagent whose own timeline is shown. */
  thread: string | null;
  withThinking: boolean;
}

const WAITS: Record<string, string> = { permission: "waits for a permission", input: "waits for input", error: "has failed" };
const STATES = { connecting: "connecting …", open: "live", paused: "paused while hidden", cut: "connection lost, trying again" } as const;

export function Bar({ session, reached, totals, live, jumps, thread, withThinking }: Props) {
  const top = useRef<HTMLSpanElement>(null);
  const isAlone = useIsOutOfSight(top);
  const title = isAlone ? sessionTitle(session) : "Conversation";
  return (
    <>
      <span ref={top} />
      <div class="story-bar">
        <span class="story-bar-title" title={sessionTitle(session)}>
          {thread === null ? title : "A subagent of this session"}
        </span>
        {thread !== null && (
          <a class="button is-small" href={withParameters({ thread: null, at: null })}>
            Back to the session
          </a>
        )}
        <Position reached={reached} totals={totals} />
        {live.state && (
          <span class={live.state === "cut" ? "badge is-warn" : "badge is-good"} role="status">
            ● {live.waitsFor ? (WAITS[live.waitsFor] ?? "waits") : STATES[live.state]}
          </span>
        )}
        <span class="story-ways" role="group" aria-label="Ways through the session">
          <Way label="First" title="Beginning (Home)" run={jumps.toStart} />
          <Way label="↑ prompt" title="Previous prompt (p)" run={() => jumps.toPrompt(-1)} />
          <Way label="↓ prompt" title="Next prompt (n)" run={() => jumps.toPrompt(1)} />
          {session.tool_errors_count > 0 && <Way label="↓ error" title="Next failed call (e); the one before (E)" run={() => jumps.toError(1)} />}
          <Way label="Last" title="End (End)" run={jumps.toEnd} />
          <button
            type="button"
            class="button is-small"
            aria-pressed={withThinking}
            title="Show Claude's thinking, where it was kept (t)"
            onClick={() => go(withParameters({ thinking: withThinking ? null : "1" }, address.value.path))}
          >
            Thinking
          </button>
        </span>
        <SessionSearch sessionId={session.session_id} />
      </div>
    </>
  );
}

/** Whether an element is not on the screen. */
function useIsOutOfSight(of: { current: HTMLElement | null }): boolean {
  const [isOut, setOut] = useState(false);
  useEffect(() => {
    if (!of.current) return;
    const observer = new IntersectionObserver(([entry]) => setOut(entry !== undefined && !entry.isIntersecting));
    observer.observe(of.current);
    return () => observer.disconnect();
  }, []);
  return isOut;
}

function Way({ label, title, run }: { label: string; title: string; run: () => void }) {
  return (
    <button type="button" class="button is-small" title={title} onClick={run}>
      {label}
    </button>
  );
}

function Position({ reached, totals }: Pick<Props, "reached" | "totals">) {
  const item = reached.value;
  if (!item || !totals) return <span class="story-position" />;
  return (
    <span class="story-position">
      item {count(item.offset + 1)} of {count(totals.items)}
      {totals.turns > 0 && (item.turn > 0 ? `, turn ${count(item.turn)} of ${count(totals.turns)}` : ", before the first prompt")}
      {item.cost_usd_so_far !== null && <span title={`Up to here. ${measure("cost_usd").definition}`}>, {measure("cost_usd").short(item.cost_usd_so_far)} so far</span>}
    </span>
  );
}
