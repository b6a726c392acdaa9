/** How long calls took, over time: half of them, and 19 of 20. Of all calls, dashed where some are estimates; and of those that were measured. */

import { useMemo } from "preact/hooks";
import type { Schemas } from "../../api/answers";
import { measure } from "../../format/measures";
import { count } from "../../format/quantities";
import { type Series, SeriesChart } from "../../parts/charts/series_chart";
import { timeAxis } from "../../parts/charts/time_axis";

type ToolStats = Schemas["ToolStats"];

const SHOWN = [
  { name: "p50_ms", color: "--series-1" },
  { name: "p95_ms", color: "--series-4" },
] as const;

const sum = (stats: ToolStats, name: "measured_calls" | "estimated_calls") => stats.tools.reduce((all, tool) => all + tool[name], 0);

/** `all` has the times of all calls, `measured` those of measured calls alone. */
export function LatencyChart({ all, measured, height }: { all: ToolStats; measured: ToolStats | null; height: number }) {
  const { exact, axis } = measure("p95_ms");
  const hasEstimates = sum(all, "estimated_calls") > 0;
  const dates = useMemo(() => all.time_series.map((point) => point.date), [all]);
  const series = useMemo(() => {
    const linesOf = ({ time_series: points }: ToolStats, kind: "line" | "dash", tail = ""): Series[] => [
      ...SHOWN.map(({ name, color }): Series => ({ label: `${kind === "dash" ? "≈ " : ""}${measure(name).label}${tail}`, definition: measure(name).definition, values: points.map((point) => point[name] ?? null), color, kind })),
      // A p95 of two calls is one call.
      { label: kind === "dash" ? "Timed calls" : "Measured calls", values: points.map((point) => point.timed_calls || null), color: "", kind: "sum", format: count },
    ];
    if (!hasEstimates) return linesOf(all, "line");
    const hasBoth = measured !== null && sum(measured, "measured_calls") > 0;
    return [...linesOf(all, "dash", hasBoth ? ", all calls" : ""), ...(hasBoth ? linesOf(measured, "line", ", measured") : [])];
  }, [all, measured]);
  if (all.percentiles_of === "nothing") return <p class="quiet no-times">There are too many calls to show their times by the hour. Choose at most two days, or another interval.</p>;
  if (series.every((each) => each.values.every((value) => value === null))) return <p class="quiet no-times">No call in this range has a known duration.</p>;
  return (
    <>
      <SeriesChart
        label="Time of calls over time"
        dates={dates}
        series={series}
        format={exact}
        axisFormat={axis?.format ?? exact}
        axisSteps={axis?.steps}
        isLog={axis?.isLog}
        height={height}
        {...timeAxis(all.range.interval)}
      />
      {hasEstimates && <p class="chart-note">≈: from call to result in the transcript, waiting for a permission included. Machines that run <code>tracker connect</code> have their new calls measured.</p>}
    </>
  );
}

/** Of how many calls the times are, and how they are known. */
export function aboutTimes(stats: ToolStats): string {
  const [measured, estimated] = [sum(stats, "measured_calls"), sum(stats, "estimated_calls")];
  const unknown = stats.total_calls - measured - estimated;
  return [measured > 0 && `${count(measured)} measured`, estimated > 0 && `${count(estimated)} estimated (≈)`, unknown > 0 && `${count(unknown)} not known`, stats.percentiles_of === "utc_days" && "by days of UTC"]
    .filter(Boolean)
    .join(", ");
}
