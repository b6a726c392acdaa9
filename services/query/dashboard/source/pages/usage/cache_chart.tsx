/** The share of input tokens that came from the cache, over time. */

import { useMemo } from "preact/hooks";
import type { Interval } from "../../format/intervals";
import { measure } from "../../format/measures";
import { SeriesChart } from "../../parts/charts/series_chart";
import { timeAxis } from "../../parts/charts/time_axis";
import { cacheHitRate } from "../../parts/stats/token_split";
import { type Item, dateOf } from "./dimensions";

export function CacheChart({ items, interval }: { items: readonly Item[]; interval: Interval }) {
  const { label, exact } = measure("cache_hit_rate");
  const dates = useMemo(() => items.map(dateOf), [items]);
  const series = useMemo(() => [{ label, values: items.map(cacheHitRate), color: "--series-3", kind: "bars" as const }], [items]);
  return (
    <SeriesChart
      label="Cache hits over time"
      dates={dates}
      series={series}
      format={exact}
      height={190}
      {...timeAxis(interval)}
    />
  );
}
