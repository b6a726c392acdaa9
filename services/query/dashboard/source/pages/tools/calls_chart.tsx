/** Calls over time, failed ones apart; or the share that failed. */

import { useMemo } from "preact/hooks";
import type { Schemas } from "../../api/answers";
import type { Interval } from "../../format/intervals";
import { measure } from "../../format/measures";
import { SeriesChart } from "../../parts/charts/series_chart";
import { timeAxis } from "../../parts/charts/time_axis";

export const SHOWN = ["calls", "rate"] as const;

interface Props {
  points: readonly Schemas["CallPoint"][];
  interval: Interval;
  shown: (typeof SHOWN)[number];
  height: number;
}

export function CallsChart({ points, interval, shown, height }: Props) {
  const of = measure(shown === "calls" ? "tool_calls" : "error_rate");
  const dates = useMemo(() => points.map((point) => point.date), [points]);
  const series = useMemo(
    () =>
      shown === "rate"
        ? [{ label: of.label, values: points.map((point) => (point.calls ? point.errors / point.calls : null)), color: "--series-2", kind: "bars" as const }]
        : [
            { label: "All calls", values: points.map((point) => point.calls), color: "", kind: "sum" as const },
            { label: "Failed or timed out", values: points.map((point) => point.errors), color: "--series-2", kind: "bars" as const },
            { label: "All others", values: points.map((point) => point.calls - point.errors), color: "--series-1", kind: "bars" as const },
          ],
    [points, shown],
  );
  return (
    <SeriesChart
      label={`${of.label} over time`}
      dates={dates}
      series={series}
      format={of.exact}
      axisFormat={of.short}
      height={height}
      isStacked
      {...timeAxis(interval)}
    />
  );
}
