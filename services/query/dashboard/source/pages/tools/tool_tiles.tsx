/** The sums over the tools. */

import type { Schemas } from "../../api/answers";
import { count } from "../../format/quantities";
import { Tile } from "../../parts/stats/tile";

export function ToolTiles({ stats }: { stats: Schemas["ToolStats"] }) {
  const sum = (of: (tool: Schemas["TimedTool"]) => number) => stats.tools.reduce((all, tool) => all + of(tool), 0);
  const errors = sum((tool) => tool.errors);
  const pending = sum((tool) => tool.pending);
  const untimed = sum((tool) => tool.untimed_calls);
  return (
    <div class="tiles tool-tiles">
      <Tile of="tool_calls" value={stats.total_calls} />
      <Tile of="tool_errors" value={errors} />
      <Tile of="error_rate" value={stats.total_calls ? errors / stats.total_calls : null} />
      <Tile of="rejected_calls" value={sum((tool) => tool.rejected)} />
      <Tile of="cancelled_calls" value={sum((tool) => tool.cancelled)} />
      {pending > 0 && <Tile of="pending_calls" value={pending} />}
      <Tile of="measured_calls" value={sum((tool) => tool.measured_calls)} note={`${count(sum((tool) => tool.estimated_calls))} are estimated${untimed > 0 ? `, ${count(untimed)} not known` : ""}`} />
    </div>
  );
}
