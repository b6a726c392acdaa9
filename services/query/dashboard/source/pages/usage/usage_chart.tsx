/** Stacked bars: the five largest groups, and all others together. */

import { useMemo } from "preact/hooks";
import { go } from "../../address/address";
import { type Interval, intervalText } from "../../format/intervals";
import { measure } from "../../format/measures";
import { count, moneyOf } from "../../format/quantities";
import { SeriesChart } from "../../parts/charts/series_chart";
import { rangeOf } from "../../parts/stats/stats_series";
import { type Dimension, type Item, type UsageMeasure, WHAT, dateOf, sumOf } from "./dimensions";

const MOST = 5;

interface Props {
  /** One item for each interval: the dates. */
  course: readonly Item[];
  parts: readonly Item[];
  sums: readonly Item[];
  by: Dimension;
  name: UsageMeasure;
  interval: Interval;
  height: number;
}

export function UsageChart({ course, parts, sums, by, name, interval, height }: Props) {
  const { idOf, nameOf, label } = WHAT[by];
  const { label: measured, exact, short } = measure(name);
  const dates = useMemo(() => course.map(dateOf), [course]);
  const series = useMemo(() => {
    const groups = sums.filter((item) => item[name]).sort((a, b) => (b[name] ?? 0) - (a[name] ?? 0));
    const own = groups.slice(0, MOST);
    const places = new Map(dates.map((date, index) => [date, index]));
    const values = [...own, null].map(() => dates.map((): number | null | undefined => undefined));
    for (const part of parts) {
      const found = own.findIndex((item) => idOf(item) === idOf(part));
      const row = values[found < 0 ? own.length : found];
      const at = places.get(dateOf(part));
      if (row && at !== undefined) row[at] = sumOf([row[at], moneyOf(part[name], part)]);
    }
    const shown = own.map((item, index) => ({ label: nameOf(item), values: values[index] ?? [], color: `--series-${index + 1}`, kind: "bars" as const }));
    if (groups.length <= MOST) return shown;
    return [...shown, { label: `${count(groups.length - MOST)} others`, values: values[own.length] ?? [], color: "--series-6", kind: "bars" as const }];
  }, [dates, parts, sums, by, name]);
  if (series.length === 0) return <p class="quiet">Nothing of this in the range.</p>;
  return (
    <SeriesChart
      label={`${measured} over time by ${label.toLowerCase()}`}
      dates={dates}
      series={series}
      format={exact}
      axisFormat={short}
      height={height}
      isStacked
      dateText={(date) => intervalText(date, interval)}
      hrefOf={(date) => rangeOf(date, date, interval)}
      onChoose={(from, to) => go(rangeOf(from, to, interval))}
    />
  );
}
