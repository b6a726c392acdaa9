/** The share of input tokens that came from the cache, over time. */

import { useMemo } from "preact/hooks";
import { go } from "../../address/address";
import { type Interval, intervalText } from "../../format/intervals";
import { measure } from "../../format/measures";
import { SeriesChart } from "../../parts/charts/series_chart";
import { rangeOf } from "../../parts/stats/stats_series";
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
      dateText={(date) => intervalText(date, interval)}
      hrefOf={(date) => rangeOf(date, date, interval)}
      onChoose={(from, to) => go(rangeOf(from, to, interval))}
    />
  );
}
