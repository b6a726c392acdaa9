/** The session's time from left to right: turns as wide as they were active, pauses as narrow gaps, and what each turn cost below. */

import type { ReadonlySignal } from "@preact/signals";
import { memo } from "../../../parts/memo";
import { useMemo, useState } from "preact/hooks";
import { askText } from "../../../format/asks";
import { measure } from "../../../format/measures";
import { duration, plural } from "../../../format/quantities";
import { timeText } from "../../../format/times";
import { type Turn } from "./story";
import { goToItem } from "../use_jumps";

const WIDTH = 1_000;
const TIME_PX = 16;
const COST_PX = 26;
const HEIGHT = TIME_PX + COST_PX + 4;
const GAP_PX = 5;
const LEAST_PX = 2;
// A shorter pause between turns is the person reading.
const LEAST_PAUSE_MS = 300_000;

interface Block {
  turn: Turn;
  x: number;
  width: number;
  /** The pause before it, in milliseconds; 0 for none. */
  pause: number;
}

/** The list of turns at the side has the same for the keyboard and for screen readers. */
export function TimeStrip({ turns, current }: { turns: readonly Turn[]; current: ReadonlySignal<number> }) {
  const blocks = useMemo(() => blocksOf(turns), [turns]);
  const [pointed, setPointed] = useState<Block | null>(null);
  if (blocks.length === 0) return null;
  const mostCost = Math.max(0, ...turns.map((turn) => turn.cost_usd ?? 0));
  const pauses = blocks.filter((block) => block.pause > 0).length;

  function blockAt(event: MouseEvent & { currentTarget: Element }): Block | null {
    const box = event.currentTarget.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * WIDTH;
    return blocks.findLast((block) => block.x - (block.pause > 0 ? GAP_PX : 0) <= x) ?? null;
  }

  return (
    <figure class="time-strip">
      <figcaption>
        {pointed ? (
          <span class="time-strip-pointed">{blockText(pointed)}</span>
        ) : (
          <>
            <span>Turns by active time, from {timeText(blocks[0]?.turn.start_time)}</span>
            {pauses > 0 && <span>▨ {plural(pauses, "pause")} of 5 min or more, not to scale</span>}
            {mostCost > 0 && <span class="time-strip-cost">below: cost by turn, at most {measure("cost_usd").short(mostCost)}</span>}
          </>
        )}
      </figcaption>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${plural(blocks.length, "turn")} by time and cost; the list of turns has the same`}
        onMouseMove={(event) => setPointed(blockAt(event))}
        onMouseLeave={() => setPointed(null)}
        onClick={(event) => {
          const block = blockAt(event);
          if (block) goToItem(block.turn.first_item_id ?? "start");
        }}
      >
        {pointed && <rect class="strip-pointed" x={pointed.x} width={pointed.width} y={0} height={HEIGHT} />}
        <Bars blocks={blocks} mostCost={mostCost} />
        <Current blocks={blocks} current={current} />
      </svg>
    </figure>
  );
}

/** Few paths for all turns: a session may have thousands. */
const Bars = memo(function Bars({ blocks, mostCost }: { blocks: readonly Block[]; mostCost: number }) {
  const rectangle = (x: number, y: number, width: number, height: number) => `M${x.toFixed(1)} ${y.toFixed(1)}h${width.toFixed(1)}v${height.toFixed(1)}h${(-width).toFixed(1)}z`;
  const times = (list: readonly Block[]) => list.map((block) => rectangle(block.x, 0, inner(block), TIME_PX)).join("");
  const costs = blocks.map((block) => {
    const height = mostCost > 0 ? ((block.turn.cost_usd ?? 0) / mostCost) * COST_PX : 0;
    return rectangle(block.x, HEIGHT - height, inner(block), height);
  });
  const errors = blocks.filter((block) => block.turn.tool_errors > 0);
  return (
    <>
      <defs>
        <pattern id="pause" width="4" height="4" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
          <rect width="2" height="4" class="strip-hatch" />
        </pattern>
      </defs>
      <path d={blocks.filter((block) => block.pause > 0).map((block) => rectangle(block.x - GAP_PX, 0, GAP_PX - 1, TIME_PX)).join("")} fill="url(#pause)" />
      <path class="strip-time" d={times(blocks)} />
      <path class="strip-errors" d={errors.map((block) => rectangle(block.x, TIME_PX, inner(block), 2.5)).join("")} />
      <path class="strip-cost" d={costs.join("")} />
    </>
  );
});

function Current({ blocks, current }: { blocks: readonly Block[]; current: ReadonlySignal<number> }) {
  const block = blocks.find((each) => each.turn.number === current.value);
  return block ? <rect class="strip-current" x={block.x} width={Math.max(2, inner(block))} y={0} height={TIME_PX} /> : null;
}

function inner(block: Block): number {
  return Math.max(1, block.width > 4 ? block.width - 1 : block.width - 0.3);
}

function blockText({ turn, pause }: Block): string {
  const numbers = `${duration(turn.active_seconds * 1_000)} active, ${turn.api_calls === 0 ? "no API call" : measure("cost_usd").short(turn.cost_usd)}`;
  const errors = turn.tool_errors > 0 ? `, ${turn.tool_errors} failed` : "";
  const before = pause > 0 ? `, after a pause of ${duration(pause)}` : "";
  return `Turn ${turn.number}, ${timeText(turn.start_time)}: ${numbers}${errors}${before}. ${turn.prompt === null ? "Before the first prompt" : askText(turn.prompt).slice(0, 160)}`;
}

/** The turns with a time. Pauses between them have one width: to scale, a night would hide the day. */
function blocksOf(turns: readonly Turn[]): Block[] {
  const timed = turns.filter((turn) => turn.start_time !== null);
  const pauses = timed.map((turn, index) => {
    const before = timed[index - 1]?.end_time;
    const pause = before && turn.start_time ? Date.parse(turn.start_time) - Date.parse(before) : 0;
    return pause >= LEAST_PAUSE_MS ? pause : 0;
  });
  const all = timed.reduce((sum, turn) => sum + turn.active_seconds, 0) || 1;
  const fixed = pauses.filter((pause) => pause > 0).length * GAP_PX + timed.length * LEAST_PX;
  const room = Math.max(WIDTH / 4, WIDTH - fixed);
  const scale = WIDTH / (room + fixed);
  let x = 0;
  return timed.map((turn, index) => {
    const pause = pauses[index] ?? 0;
    if (pause > 0) x += GAP_PX * scale;
    const width = (LEAST_PX + (turn.active_seconds / all) * room) * scale;
    const block = { turn, x, width, pause };
    x += width;
    return block;
  });
}
