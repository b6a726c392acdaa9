/** Tools with their calls, errors and times. A click on one filters by it; on the chosen one, no longer. */

import { withParameters } from "../../address/address";
import { pageAddress } from "../../address/filters";
import type { Schemas } from "../../api/answers";
import { measure } from "../../format/measures";
import { count, duration, percent } from "../../format/quantities";
import { type SortableColumn, SortableTable } from "../../parts/tables/sorting";
import { Time } from "../../parts/time";

type Tool = Schemas["TimedTool"];
type TimeName = "p50_ms" | "p95_ms" | "max_ms";

export interface ToolTimes {
  tool: Tool;
  /** Where its times come from: measured calls alone, estimates alone, or nowhere. */
  source: "measured" | "estimated" | "none";
  times: Tool;
}

/** Each tool with times of one kind: measured ones where it has any. */
export function withTimes(measured: readonly Tool[], estimated: readonly Tool[]): ToolTimes[] {
  const estimates = new Map(estimated.map((tool) => [tool.tool_name, tool]));
  return measured.map((tool): ToolTimes => {
    if (tool.measured_calls > 0) return { tool, source: "measured", times: tool };
    const estimate = estimates.get(tool.tool_name);
    return estimate && estimate.p50_ms !== null ? { tool, source: "estimated", times: estimate } : { tool, source: "none", times: tool };
  });
}

interface Props {
  measured: readonly Tool[];
  estimated: readonly Tool[];
  /** The tool that the page shows alone. */
  chosen?: string | null;
  /** The project whose tools these are, where it does not stand in the address. */
  project?: string;
  /** The address of the measured ones. */
  csv: string | null;
  /** Fewer columns. */
  isShort?: boolean;
}

export function ToolTable({ measured, estimated, chosen, project, csv, isShort = false }: Props) {
  const rows = withTimes(measured, estimated);
  const hasPending = measured.some((tool) => tool.pending > 0);
  const most = Math.max(...measured.map((tool) => tool.calls), 1);
  const counted = (name: "errors" | "rejected" | "cancelled" | "pending", title: string, definition: string): SortableColumn<ToolTimes> => ({
    name,
    title: <span title={definition}>{title}</span>,
    cell: ({ tool }) => count(tool[name]),
    sortBy: ({ tool }) => tool[name],
    isNumber: true,
    isMinor: true,
  });
  const time = (name: TimeName, title: string, definition: string): SortableColumn<ToolTimes> => ({
    name,
    title: <span title={definition}>{title}</span>,
    cell: (row) => <TimeCell row={row} name={name} />,
    sortBy: ({ times }) => times[name],
    isNumber: true,
    isMinor: name === "max_ms",
  });
  const hrefOf = (name: string) =>
    project ? pageAddress("/tools", { project, tool: name }) : withParameters({ tool: chosen === name ? null : name, error: null });
  const columns: SortableColumn<ToolTimes>[] = [
    {
      name: "tool",
      title: "Tool",
      isText: true,
      sortBy: ({ tool }) => tool.tool_name,
      cell: ({ tool }) => (
        <a href={hrefOf(tool.tool_name)} class={isShort ? "" : "tool-name"} data-item>
          {tool.tool_name}
        </a>
      ),
    },
    {
      name: "calls",
      title: <span title={measure("tool_calls").definition}>Calls</span>,
      sortBy: ({ tool }) => tool.calls,
      isNumber: true,
      cell: ({ tool }) => (
        <span class={isShort ? "" : "calls-bar"}>
          {!isShort && <i style={{ width: `${(tool.calls / most) * 100}%` }} />}
          <span>{count(tool.calls)}</span>
        </span>
      ),
    },
    { name: "rate", title: <span title={measure("error_rate").definition}>Error rate</span>, cell: ({ tool }) => percent(tool.error_rate), sortBy: ({ tool }) => tool.error_rate, isNumber: true },
    ...(isShort ? [] : [counted("errors", "Failed", measure("tool_errors").definition), counted("rejected", "Rejected", measure("rejected_calls").definition), counted("cancelled", "Cancelled", measure("cancelled_calls").definition), ...(hasPending ? [counted("pending", "Pending", measure("pending_calls").definition)] : [])]),
    time("p50_ms", measure("p50_ms").label, measure("p50_ms").definition),
    time("p95_ms", measure("p95_ms").label, measure("p95_ms").definition),
    ...(isShort
      ? []
      : [
          time("max_ms", "Longest", "The longest call."),
          {
            name: "wait",
            title: <span title="How long calls waited before they ran, as for a permission: the mean of those of which it is known.">Mean wait</span>,
            cell: ({ tool }: ToolTimes) => (tool.avg_wait_ms === null ? "–" : <span title={`Known of ${count(tool.waited_calls)} calls.`}>{duration(tool.avg_wait_ms)}</span>),
            sortBy: ({ tool }: ToolTimes) => tool.avg_wait_ms,
            isNumber: true,
            isMinor: true,
          },
          { name: "last", title: "Last used", cell: ({ tool }: ToolTimes) => <Time at={tool.last_used} relative />, sortBy: ({ tool }: ToolTimes) => tool.last_used, isNumber: true, isMinor: true },
        ]),
  ];
  if (rows.length === 0) return <p class="quiet">No tool was called in this range.</p>;
  return <SortableTable caption="Tools" columns={columns} rows={rows} keyOf={({ tool }) => tool.tool_name} usual="calls" parameter="tools" most={12} csv={csv} />;
}

function TimeCell({ row, name }: { row: ToolTimes; name: TimeName }) {
  const { tool, source, times } = row;
  if (source === "none") return <span title="No call has a known duration.">–</span>;
  if (source === "estimated") {
    return (
      <span class="quiet" title={`Estimated from ${count(tool.estimated_calls)} calls: the time between two records of a transcript, the wait for a permission included. None was measured.`}>
        ≈ {duration(times[name])}
      </span>
    );
  }
  return <span title={`Measured, of ${count(tool.measured_calls)} of ${count(tool.calls)} calls.`}>{duration(times[name])}</span>;
}
