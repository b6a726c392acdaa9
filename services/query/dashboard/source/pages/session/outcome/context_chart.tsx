/** How much context each turn sent, and how much of its input came from the cache. The list of turns has the same numbers. */

import { useState } from "preact/hooks";
import { compact } from "../../../format/quantities";
import { cacheHitRate } from "../../../parts/stats/token_split";
import { contextText, rebuildText, sentence } from "../timeline/cost_reasons";
import type { Turn } from "../timeline/story";
import { goToItem } from "../use_jumps";

const WIDTH = 1_000;
const HEIGHT = 60;

export function ContextChart({ turns, most }: { turns: readonly Turn[]; most: number }) {
  const sent = turns.filter((turn) => turn.context_tokens !== null);
  const [pointed, setPointed] = useState<Turn | undefined>();
  if (sent.length < 2) return null;
  const step = WIDTH / sent.length;
  const highest = Math.max(1, ...sent.map((turn) => turn.context_tokens ?? 0));
  const turnAt = (event: MouseEvent & { currentTarget: Element }) => {
    const box = event.currentTarget.getBoundingClientRect();
    return sent[Math.floor(((event.clientX - box.left) / box.width) * sent.length)];
  };
  // One path for all turns of a kind: a session may have thousands.
  const path = (shareOf: (turn: Turn) => number) =>
    sent
      .map((turn, index) => {
        const height = ((turn.context_tokens ?? 0) / highest) * HEIGHT * shareOf(turn);
        return height > 0 ? `M${(index * step).toFixed(1)} ${HEIGHT}v${(-height).toFixed(1)}h${Math.max(0.8, step * 0.85).toFixed(1)}v${height.toFixed(1)}z` : "";
      })
      .join("");
  return (
    <section class="context-chart">
      <h3>Context by turn: at most {compact(most)} tokens in one call</h3>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label="Tokens of context by turn; the list of turns has the same numbers"
        onMouseMove={(event) => setPointed(turnAt(event))}
        onMouseLeave={() => setPointed(undefined)}
        onClick={(event) => {
          const turn = turnAt(event);
          if (turn) goToItem(turn.first_item_id ?? "start");
        }}
      >
        <path class="context-sent" d={path(() => 1)} />
        <path class="context-rebuilt" d={path((turn) => (turn.rebuilds.length > 0 ? 1 : 0))} />
        <path class="context-cached" d={path((turn) => cacheHitRate(turn) ?? 0)} />
      </svg>
      <p class="quiet">
        {pointed ? (
          `Turn ${pointed.number}: ${contextText(pointed)}${pointed.rebuilds.map((rebuild) => ` ${sentence(rebuildText(rebuild))}.`).join("")}`
        ) : (
          <>
            <i class="legend-mark context-cached" /> from the cache <i class="legend-mark context-sent" /> not from it <i class="legend-mark context-rebuilt" /> not from it, after a rebuild
          </>
        )}
      </p>
    </section>
  );
}
