/** The sums over the tools. */

import type { Schemas } from "../../api/answers";
import { Tile } from "../../parts/tile";

export function ToolTiles({ stats }: { stats: Schemas["ToolStats"] }) {
  const sum = (of: (tool: Schemas["TimedTool"]) => number) => stats.tools.reduce((all, tool) => all + of(tool), 0);
  const errors = sum((tool) => tool.errors);
  return (
    <div class="tiles tool-tiles">
      <Tile of="tool_calls" value={stats.total_calls} />
      <Tile of="tool_errors" value={errors} />
      <Tile of="error_rate" value={stats.total_calls ? errors / stats.total_calls : null} />
      <Tile of="rejected_calls" value={sum((tool) => tool.rejected)} />
      <Tile of="cancelled_calls" value={sum((tool) => tool.cancelled)} />
      <Tile of="measured_calls" value={sum((tool) => tool.measured_calls)} note={`${sum((tool) => tool.estimated_calls).toLocaleString("en-US")} are estimated`} />
    </div>
  );
}
