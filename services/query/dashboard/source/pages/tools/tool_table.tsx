/** Tools with their calls, errors and times. A click on one filters by it; on the chosen one, no longer. */

import { withParameters } from "../../address/address";
import { pageAddress } from "../../address/filters";
import type { Schemas } from "../../api/answers";
import { measure } from "../../format/measures";
import { count, duration, percent, plural } from "../../format/quantities";
import { type SortableColumn, SortableTable } from "../../parts/tables/sorting";
import { Time } from "../../parts/time";

type Tool = Schemas["TimedTool"];
type TimeName = "p50_ms" | "p95_ms" | "max_ms";

interface Props {
  /** With the times of all calls, estimates among them. */
  tools: readonly Tool[];
  /** With the times of measured calls alone, for tooltips. */
  measured?: readonly Tool[] | undefined;
  /** The tool that the page shows alone. */
  chosen?: string | null;
  /** The project whose tools these are, where it does not stand in the address. */
  project?: string;
  /** The address of the tools. */
  csv: string | null;
  /** Fewer columns. */
  isShort?: boolean;
}

export function ToolTable({ tools, measured = [], chosen, project, csv, isShort = false }: Props) {
  const alone = new Map(measured.map((tool) => [tool.tool_name, tool]));
  const hasPending = tools.some((tool) => tool.pending > 0);
  const most = Math.max(...tools.map((tool) => tool.calls), 1);
  const counted = (name: "errors" | "rejected" | "cancelled" | "pending", title: string, definition: string): SortableColumn<Tool> => ({
    name,
    title: <span title={definition}>{title}</span>,
    cell: (tool) => count(tool[name]),
    sortBy: (tool) => tool[name],
    isNumber: true,
    isMinor: true,
  });
  const time = (name: TimeName, title: string, definition: string): SortableColumn<Tool> => ({
    name,
    title: <span title={definition}>{title}</span>,
    cell: (tool) => <TimeCell tool={tool} measured={alone.get(tool.tool_name)?.[name]} name={name} />,
    sortBy: (tool) => tool[name],
    isNumber: true,
    isMinor: name === "max_ms",
  });
  const hrefOf = (name: string) =>
    project ? pageAddress("/tools", { project, tool: name }) : withParameters({ tool: chosen === name ? null : name, error: null });
  const columns: SortableColumn<Tool>[] = [
    {
      name: "tool",
      title: "Tool",
      isText: true,
      sortBy: (tool) => tool.tool_name,
      cell: (tool) => (
        <a href={hrefOf(tool.tool_name)} class={isShort ? "" : "tool-name"} data-item>
          {tool.tool_name}
        </a>
      ),
    },
    {
      name: "calls",
      title: <span title={measure("tool_calls").definition}>Calls</span>,
      sortBy: (tool) => tool.calls,
      isNumber: true,
      cell: (tool) => (
        <span class={isShort ? "" : "calls-bar"}>
          {!isShort && <i style={{ width: `${(tool.calls / most) * 100}%` }} />}
          <span>{count(tool.calls)}</span>
        </span>
      ),
    },
    { name: "rate", title: <span title={measure("error_rate").definition}>Error rate</span>, cell: (tool) => percent(tool.error_rate), sortBy: (tool) => tool.error_rate, isNumber: true },
    ...(isShort ? [] : [counted("errors", "Failed", measure("tool_errors").definition), counted("rejected", "Rejected", measure("rejected_calls").definition), counted("cancelled", "Cancelled", measure("cancelled_calls").definition), ...(hasPending ? [counted("pending", "Pending", measure("pending_calls").definition)] : [])]),
    time("p50_ms", measure("p50_ms").label, measure("p50_ms").definition),
    time("p95_ms", measure("p95_ms").label, measure("p95_ms").definition),
    ...(isShort
      ? []
      : [
          time("max_ms", "Longest", "The longest call."),
          {
            name: "wait",
            title: <span title="How long a call waited before it ran, as for a permission. The mean of the calls whose wait is known.">Mean wait</span>,
            cell: (tool: Tool) => (tool.avg_wait_ms === null ? "–" : <span title={`Known of ${count(tool.waited_calls)} calls.`}>{duration(tool.avg_wait_ms)}</span>),
            sortBy: (tool: Tool) => tool.avg_wait_ms,
            isNumber: true,
            isMinor: true,
          },
          { name: "last", title: "Last used", cell: (tool: Tool) => <Time at={tool.last_used} relative />, sortBy: (tool: Tool) => tool.last_used, isNumber: true, isMinor: true },
        ]),
  ];
  if (tools.length === 0) return <p class="quiet">No tool was called in this range.</p>;
  return <SortableTable caption="Tools" columns={columns} rows={tools} keyOf={(tool) => tool.tool_name} usual="calls" parameter="tools" most={12} csv={csv} />;
}

function TimeCell({ tool, measured, name }: { tool: Tool; measured: number | null | undefined; name: TimeName }) {
  const { calls, measured_calls: exact, estimated_calls: estimated } = tool;
  if (tool[name] === null) return <span title="No call has a known duration.">–</span>;
  if (estimated === 0) return <span title={`Measured: ${count(exact)} of ${plural(calls, "call")}.`}>{duration(tool[name])}</span>;
  const alone = exact > 0 && measured != null ? ` Measured calls alone: ${duration(measured)}.` : "";
  return (
    <span class="quiet" title={`${count(exact)} of ${plural(calls, "call")} measured, ${count(estimated)} estimated: from call to result in the transcript, waiting for a permission included.${alone}`}>
      ≈ {duration(tool[name])}
    </span>
  );
}
