/** Blocks of five hours, reckoned from the API's sums by hour: a report of usage, not of the limit (quota_panel.tsx). */

import { filterQuery } from "../../address/filters";
import { extent, range, zone } from "../../address/range";
import type { Schemas } from "../../api/answers";
import { useRead } from "../../api/use_read";
import { addDays, dayOf, dayText, today } from "../../format/days";
import { measure } from "../../format/measures";
import { count } from "../../format/quantities";
import { clockText } from "../../format/times";
import { Loaded, Panel } from "../../parts/panel";
import { Table } from "../../parts/tables/table";
import { Time } from "../../parts/time";
import { allTokens } from "../../parts/stats/token_split";
import { sumOf } from "./dimensions";

type Point = Schemas["Point"];

const HOUR_MS = 3_600_000;
const BLOCK_HOURS = 5;
const DAYS = 14;
const HEIGHT = 200;

interface Block {
  start: number;
  end: number;
  cost: number | null;
  tokens: number;
  calls: number;
}

export function BlocksPanel() {
  const last = lastDay();
  const first = [addDays(last, 1 - DAYS), extent.value?.first ?? ""].reduce((one, other) => (one > other ? one : other));
  // Hours of UTC, so that blocks begin where they do for Claude also in a zone with half hours. The days of a zone reach into the next days of UTC.
  const stats = useRead("/api/stats", { ...filterQuery(), start_date: addDays(first, -1), end_date: addDays(last, 1), tz: "UTC", interval: "hour" });
  const isWithin = ({ start }: Point) =>
    dayOf(new Date(Date.parse(start) + HOUR_MS - 1), zone.value) >= first && dayOf(new Date(start), zone.value) <= last;
  return (
    <Panel title="Blocks of 5 hours" about={`${dayText(first)} to ${dayText(last)}, from sums by hour. A block begins with the full hour of the first call after the block before: a report of usage, not of the limit.`}>
      <Loaded reading={stats} what="the hours" height={HEIGHT}>
        {(data) => <Blocks points={data.time_series.filter(isWithin)} />}
      </Loaded>
    </Panel>
  );
}

/** The newest days of the range that have anything. */
function lastDay(): string {
  const last = extent.value?.last ?? range.value.end ?? today(zone.value);
  return range.value.end && range.value.end < last ? range.value.end : last;
}

/** A block begins with the first hour that has a call and is in no block. */
export function blocksOf(points: readonly Point[]): Block[] {
  const blocks: Block[] = [];
  for (const point of points) {
    if (point.api_calls === 0) continue;
    const at = Date.parse(point.start);
    let block = blocks.at(-1);
    if (!block || at >= block.end) {
      block = { start: at, end: at + BLOCK_HOURS * HOUR_MS, cost: null, tokens: 0, calls: 0 };
      blocks.push(block);
    }
    block.cost = sumOf([block.cost, point.cost_usd]) ?? null;
    block.tokens += allTokens(point);
    block.calls += point.api_calls;
  }
  return blocks;
}

function Blocks({ points }: { points: readonly Point[] }) {
  const blocks = blocksOf(points).reverse();
  if (blocks.length === 0) return <p class="quiet">No call of a model in these days.</p>;
  const now = Date.now();
  return (
    <div class="usage-blocks">
      <Table
        caption="Blocks of 5 hours, the newest first"
        rows={blocks}
        keyOf={(block) => block.start}
        columns={[
          {
            title: "Block",
            cell: (block) => (
              <>
                <Time at={new Date(block.start).toISOString()} /> to {clockText(new Date(block.end).toISOString())} {block.end > now && <span class="badge is-accent">running</span>}
              </>
            ),
          },
          { title: "Cost", isNumber: true, cell: (block) => measure("cost_usd").exact(block.cost) },
          { title: "Tokens", isNumber: true, cell: (block) => count(block.tokens) },
          { title: "API calls", isNumber: true, isMinor: true, cell: (block) => count(block.calls) },
        ]}
      />
    </div>
  );
}
