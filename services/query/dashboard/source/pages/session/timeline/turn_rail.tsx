/** The turns at the side: each prompt with its cost and time; the one that is read is marked. */

import type { ReadonlySignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { askText } from "../../../format/asks";
import { measure } from "../../../format/measures";
import { age, compact, count, duration, plural } from "../../../format/quantities";
import { useFixedWindow } from "../../../parts/tables/fixed_window";
import { useMedia } from "../../../parts/use_media";
import { contextText, turnReason } from "./cost_reasons";
import { type Turn, itemAddress, newDay } from "./story";

const ROW_PX = 56;

export function TurnRail({ turns, current: currentTurn }: { turns: readonly Turn[]; current: ReadonlySignal<number> }) {
  const current = currentTurn.value;
  const scroller = useRef<HTMLDivElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const { first, last } = useFixedWindow(list, turns.length, ROW_PX, scroller);
  // On paper all of them stand.
  const isPrinted = useMedia("print");
  const from = isPrinted ? 0 : first;
  const most = Math.max(0, ...turns.map((turn) => turn.cost_usd ?? 0)) || 1;
  const position = turns.findIndex((turn) => turn.number === current);

  useEffect(() => {
    const box = scroller.current;
    if (!box || position < 0) return;
    const top = position * ROW_PX;
    if (top < box.scrollTop + ROW_PX || top > box.scrollTop + box.clientHeight - 2 * ROW_PX) box.scrollTop = top - box.clientHeight / 2;
  }, [position]);

  if (turns.length === 0) return null;
  return (
    <aside class="turn-rail" aria-label="Turns">
      <p class="turn-rail-head">
        <strong>Turns</strong> <span title={`${measure("cost_usd").definition}\nBelow: active time, tool calls, tokens of context at the turn's end; ↻ where the cache was built again.`}>cost, context</span>
      </p>
      <div ref={scroller} class="turn-rail-scroll" tabIndex={-1}>
        <div ref={list} class="turn-rail-list" style={{ height: `${turns.length * ROW_PX}px` }}>
          {turns.slice(from, isPrinted ? undefined : last).map((turn, index) => {
            const day = newDay(turn, turns[from + index - 1]);
            return (
              <a
                key={turn.number}
                class={turn.number === current ? "turn is-current" : "turn"}
                style={{ top: `${(from + index) * ROW_PX}px` }}
                href={itemAddress(turn.first_item_id ?? "start")}
                aria-current={turn.number === current ? "location" : undefined}
                title={[turn.prompt ?? "Before the first prompt", turnReason(turn), contextText(turn)].filter(Boolean).join("\n\n")}
              >
                <span class="turn-number">{turn.number}</span>
                <span class="turn-prompt">{turn.prompt === null ? "Before the first prompt" : askText(turn.prompt)}</span>
                <span class="turn-cost">{turn.api_calls === 0 ? "–" : measure("cost_usd").short(turn.cost_usd)}</span>
                <span class="turn-bar" aria-hidden="true">
                  <span style={{ width: `${((turn.cost_usd ?? 0) / most) * 100}%` }} />
                </span>
                <span class="turn-numbers">
                  {day && <b>{day}</b>}
                  <span title={`${duration(turn.active_seconds * 1_000)} of active time`}>{age(turn.active_seconds)}</span>
                  {turn.tool_calls > 0 && <span class="turn-calls">{plural(turn.tool_calls, "call")}</span>}
                  {turn.tool_errors > 0 && <span class="is-bad">{count(turn.tool_errors)} failed</span>}
                  {turn.context_tokens !== null && <span class="turn-context">{compact(turn.context_tokens)}</span>}
                  {turn.rebuilds.length > 0 && (
                    <span class="is-warn" role="img" aria-label={plural(turn.rebuilds.length, "rebuild of the cache", "rebuilds of the cache")}>
                      ↻
                    </span>
                  )}
                </span>
              </a>
            );
          })}
        </div>
      </div>
    </aside>
  );
}
