/** How long calls took, over time: half of them, and 19 of 20. */

import { useMemo } from "preact/hooks";
import type { Schemas } from "../../api/answers";
import { measure } from "../../format/measures";
import { count, plural } from "../../format/quantities";
import { SeriesChart } from "../../parts/charts/series_chart";
import { timeAxis } from "../../parts/charts/time_axis";

type ToolStats = Schemas["ToolStats"];

const SHOWN = [
  { name: "p50_ms", color: "--series-1" },
  { name: "p95_ms", color: "--series-4" },
] as const;

/** Whether times over time are of measured calls, as in the table: estimates are shown only where no call was measured. */
export function isMeasured(stats: ToolStats): boolean {
  return stats.tools.some((tool) => tool.measured_calls > 0) || stats.tools.every((tool) => tool.estimated_calls === 0);
}

export function LatencyChart({ stats, height }: { stats: ToolStats; height: number }) {
  const { time_series: points, range } = stats;
  const { exact, axis } = measure("p95_ms");
  const dates = useMemo(() => points.map((point) => point.date), [points]);
  const series = useMemo(
    () => [
      ...SHOWN.map(({ name, color }) => ({
        label: measure(name).label,
        definition: measure(name).definition,
        values: points.map((point) => point[name] ?? null),
        color,
        kind: "line" as const,
      })),
      // A p95 of two calls is one call.
      { label: isMeasured(stats) ? "Measured calls" : "Estimated calls", values: points.map((point) => point.timed_calls || null), color: "", kind: "sum" as const, format: count },
    ],
    [points],
  );
  if (stats.percentiles_of === "nothing") {
    return <p class="quiet no-times">Too many calls to read the time of each by the hour. Choose at most two days, or a longer interval.</p>;
  }
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
        height={height}
        {...timeAxis(range.interval)}
      />
      <TimesNote stats={stats} />
    </>
  );
}

/** Of how many calls the times are, and what measured and estimated mean. */
function TimesNote({ stats }: { stats: ToolStats }) {
  const sum = (of: (tool: ToolStats["tools"][number]) => number) => stats.tools.reduce((all, tool) => all + of(tool), 0);
  const measured = sum((tool) => tool.measured_calls);
  const estimated = sum((tool) => tool.estimated_calls);
  const unknown = stats.total_calls - measured - estimated;
  const all = plural(stats.total_calls, "call");
  return (
    <p class="chart-note">
      {measured > 0 ? `${count(measured)} of ${all} ${measured === 1 ? "has" : "have"} a measured duration${estimated > 0 ? `; ${count(estimated)} are estimated, and not drawn` : ""}` : `None of ${all} was measured; ${count(estimated)} are drawn as estimated`}
      {unknown > 0 && `; of ${count(unknown)} nothing is known`}. Claude Code, or the client that sent the call, measured how long it ran; an estimate is the time from call to result in the transcript, the wait for a permission included.
    </p>
  );
}

/** What the times are of, in a few words. */
export function aboutTimes(stats: ToolStats, tool: string | null): string {
  const of = tool === null ? "of all tools together" : null;
  const source = isMeasured(stats) ? "measured" : "≈ estimated";
  const days = stats.percentiles_of === "utc_days" ? "by days of UTC" : null;
  return [of, source, days].filter((each) => each !== null).join(", ");
}
