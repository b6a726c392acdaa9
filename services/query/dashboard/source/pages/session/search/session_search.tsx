/** Search within a session: hits with what stands around them; a click jumps there. */

import { useEffect, useState } from "preact/hooks";
import { go, parameter, withParameters } from "../../../address/address";
import { useRead } from "../../../api/use_read";
import { plural } from "../../../format/quantities";
import { timeText } from "../../../format/times";
import { ProblemNote } from "../../../parts/notes/problem_note";
import { Snippet } from "../../../search/snippet";
import type { Match } from "../../../search/use_search";
import { HitSteps, hitPlace, hitsInOrder, inOrder } from "./hit_steps";

const PAUSE_MS = 200;
const MOST = 100;

export function SessionSearch({ sessionId }: { sessionId: string }) {
  const wanted = parameter("q");
  const [text, setText] = useState(wanted ?? "");
  const [query, setQuery] = useState(text);
  const [isOpen, setOpen] = useState(false);
  // A link of this page may ask for another search; the way back, for the one before.
  useEffect(() => setText(wanted ?? ""), [wanted]);
  useEffect(() => {
    const timer = window.setTimeout(() => setQuery(text.trim()), PAUSE_MS);
    return () => window.clearTimeout(timer);
  }, [text]);
  const isAsked = query !== "";
  // One that led here is asked again: its hits are gone through one by one.
  const isFollowed = isAsked && query === wanted;
  const found = useRead(isAsked && (isOpen || isFollowed) ? "/api/search" : null, { session_id: sessionId, q: query, limit: MOST });
  const hits = (found.data?.items ?? []).filter((hit) => hit.timeline_id !== null);
  useEffect(() => {
    hitsInOrder.value = isFollowed ? inOrder(hits) : [];
    return () => void (hitsInOrder.value = []);
  }, [found.data, isFollowed]);
  return (
    <div
      class="session-search"
      role="search"
      onFocusOut={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setOpen(false);
      }}
      onKeyDown={(event) => {
        if (event.key === "Escape") setOpen(false);
        if (event.key === "ArrowDown" || event.key === "ArrowUp") moveFocus(event.currentTarget, event.key === "ArrowDown" ? 1 : -1, event);
      }}
    >
      <HitSteps />
      <input
        type="search"
        class="input"
        placeholder="Search in this session"
        aria-label="Search in this session"
        value={text}
        onFocus={() => setOpen(true)}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setOpen(true);
        }}
        onKeyDown={(event) => {
          const first = hits[0];
          if (event.key === "Enter" && first && found.isCurrent) jump(first, query);
        }}
      />
      {isOpen && isAsked && (
        <div class="session-search-hits" role="region" aria-label="Found in this session">
          {found.problem && <ProblemNote problem={found.problem} again={found.again} />}
          {found.data && (
            <p class="quiet session-search-hits-head" role="status">
              {hits.length === 0 ? "Nothing was found in this session." : `${plural(hits.length, "hit")}${found.data.next_cursor ? ", and more" : ""}`}
              {found.data.pending_documents > 0 && " The newest items are not in the index yet."}
            </p>
          )}
          {hits.map((hit) => (
            <button type="button" key={`${hit.kind}-${hit.id}`} class="session-search-hit" onClick={() => (jump(hit, query), setOpen(false))}>
              <span class="session-search-hit-head">
                <strong>{hit.tool_name ?? (hit.role === "user" ? "Prompt" : hit.role === "assistant" ? "Claude" : hit.kind.replace("_", " "))}</strong>
                {hit.is_error && <span class="is-bad">failed</span>}
                {hit.agent_id && <span>subagent</span>}
                <span>{timeText(hit.timestamp)}</span>
              </span>
              <span class="session-search-hit-text">
                <Snippet of={hit.snippet} />
              </span>
            </button>
          ))}
        </div>
      )}
    </div>
  );
}

function jump(hit: Match, query: string): void {
  // The way back leads to what was typed.
  go(withParameters({ q: query }), { replace: true });
  go(hitPlace(hit, query));
}

function moveFocus(box: HTMLElement, step: 1 | -1, event: KeyboardEvent): void {
  const all = [...box.querySelectorAll<HTMLElement>("input, .session-search-hit")];
  const next = all[all.indexOf(document.activeElement as HTMLElement) + step];
  if (!next) return;
  event.preventDefault();
  next.focus();
}
