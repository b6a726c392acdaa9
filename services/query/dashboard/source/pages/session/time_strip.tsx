/** The session's time from left to right: turns as wide as they were active, pauses as narrow gaps, and what each turn cost below. */

import { useMemo } from "preact/hooks";
import { measure } from "../../format/measures";
import { duration, minutes } from "../../format/quantities";
import { timeText } from "../../format/times";
import { type Turn, itemAddress } from "./story";

const WIDTH = 1_000;
const TIME_PX = 16;
const COST_PX = 26;
const GAP_PX = 5;
const LEAST_PX = 2;
// A shorter pause between turns is the person reading.
const LEAST_GAP_MS = 300_000;

interface Block {
  turn: Turn;
  x: number;
  width: number;
  /** The pause before it, in milliseconds; 0 for none. */
  pause: number;
}

export function TimeStrip({ turns, current }: { turns: readonly Turn[]; current: number }) {
  const blocks = useMemo(() => blocksOf(turns), [turns]);
  if (blocks.length === 0) return null;
  const mostCost = Math.max(0, ...turns.map((turn) => turn.cost_usd ?? 0));
  const pauses = blocks.filter((block) => block.pause > 0);
  return (
    <figure class="time-strip">
      <figcaption>
        <span>Turns by active time, from {timeText(turns[0]?.start_time)}</span>
        {pauses.length > 0 && <span>▨ {pauses.length === 1 ? "1 pause" : `${pauses.length} pauses`} of 5 min or more, not to scale</span>}
        {mostCost > 0 && <span class="time-strip-cost">below: cost by turn, at most {measure("cost_usd").short(mostCost)}</span>}
      </figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${TIME_PX + COST_PX + 4}`} preserveAspectRatio="none" role="group" aria-label="Turns by time and cost">
        <defs>
          <pattern id="pause" width="4" height="4" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
            <rect width="2" height="4" class="strip-hatch" />
          </pattern>
        </defs>
        {blocks.map(({ turn, x, width, pause }) => {
          const cost = mostCost > 0 ? ((turn.cost_usd ?? 0) / mostCost) * COST_PX : 0;
          const label = `Turn ${turn.number}: ${duration(turn.active_seconds * 1_000)} active, ${turn.api_calls === 0 ? "no API call" : measure("cost_usd").short(turn.cost_usd)}`;
          return (
            <a key={turn.number} href={itemAddress(turn.first_item_id ?? "start")} tabIndex={-1} class={turn.number === current ? "strip-turn is-current" : "strip-turn"}>
              <title>{`${label}\n${turn.prompt?.slice(0, 200) ?? "Before the first prompt"}${pause > 0 ? `\nBefore it: ${pauseText(pause)} without an event` : ""}`}</title>
              {pause > 0 && <rect class="strip-pause" x={x - GAP_PX} width={GAP_PX - 1} y={0} height={TIME_PX} fill="url(#pause)" />}
              <rect class="strip-area" x={x} width={width} y={0} height={TIME_PX + COST_PX + 4} />
              <rect class={turn.tool_errors > 0 ? "strip-time has-errors" : "strip-time"} x={x} width={Math.max(1, width - 1)} y={0} height={TIME_PX} rx={1} />
                           <rect class="strip-cost" x={x} width={Math.max(1, width - 1)} y={TIME_PX + 4 + COST_PX - cost} height={cost} />
            </a>
          );
        })}
      </svg>
    </figure>
  );
}

function pauseText(ms: number): string {
  return ms < 3_600_000 ? duration(ms) : minutes(ms / 60_000);
}

/** The turns with a time. Pauses between them have one width: to scale, a night would hide the day. */
function blocksOf(turns: readonly Turn[]): Block[] {
  const timed = turns.filter((turn) => turn.start_time !== null);
  const pauses = timed.map((turn, index) => {
    const before = timed[index - 1]?.end_time;
    const pause = before && turn.start_time ? Date.parse(turn.start_time) - Date.parse(before) : 0;
    return pause >= LEAST_GAP_MS ? pause : 0;
  });
  const all = timed.reduce((sum, turn) => sum + turn.active_seconds, 0) || 1;
  const gaps = pauses.filter((pause) => pause > 0).length * GAP_PX;
  const room = Math.max(WIDTH / 4, WIDTH - gaps - timed.length * LEAST_PX);
  const scale = WIDTH / (room + gaps + timed.length * LEAST_PX);
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
