/** The sums over the tools, each with the period before. */

import { rangeBefore } from "../../address/range";
import type { Schemas } from "../../api/answers";
import type { MeasureName } from "../../format/measures";
import { Tile } from "../../parts/stats/tile";

type Stats = Schemas["ToolStats"];

const sum = (stats: Stats, of: (tool: Schemas["TimedTool"]) => number) => stats.tools.reduce((all, tool) => all + of(tool), 0);
const errors = (stats: Stats) => sum(stats, (tool) => tool.errors);

const SHOWN: readonly { of: MeasureName; value: (stats: Stats) => number | null; isOptional?: boolean }[] = [
  { of: "tool_calls", value: (stats) => stats.total_calls },
  { of: "tool_errors", value: errors },
  { of: "error_rate", value: (stats) => (stats.total_calls ? errors(stats) / stats.total_calls : null) },
  { of: "rejected_calls", value: (stats) => sum(stats, (tool) => tool.rejected) },
  { of: "cancelled_calls", value: (stats) => sum(stats, (tool) => tool.cancelled) },
  { of: "pending_calls", value: (stats) => sum(stats, (tool) => tool.pending), isOptional: true },
];

export function ToolTiles({ stats, before }: { stats: Stats; before: Stats | undefined }) {
  return (
    <div class="tiles tool-tiles">
      {SHOWN.filter(({ value, isOptional }) => !isOptional || value(stats)).map(({ of, value }) => (
        <Tile key={of} of={of} value={value(stats)} before={before && value(before)} beforeLabel={rangeBefore.value?.label} />
      ))}
    </div>
  );
}

