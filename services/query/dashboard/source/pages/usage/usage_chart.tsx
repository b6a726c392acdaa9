/** Stacked bars: the five largest groups, and all others together. The table has each of them. */

import { useMemo } from "preact/hooks";
import type { Interval } from "../../format/intervals";
import { measure } from "../../format/measures";
import { count, moneyOf } from "../../format/quantities";
import { type Series, SeriesChart } from "../../parts/charts/series_chart";
import { timeAxis } from "../../parts/charts/time_axis";
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
  const [series, ofTable] = useMemo(() => {
    const groups = sums.filter((item) => item[name]).sort((a, b) => (b[name] ?? 0) - (a[name] ?? 0));
    const places = new Map(dates.map((date, index) => [date, index]));
    const rows = new Map(groups.map((item) => [idOf(item), dates.map((): number | null | undefined => undefined)]));
    for (const part of parts) {
      const row = rows.get(idOf(part));
      const at = places.get(dateOf(part));
      if (row && at !== undefined) row[at] = sumOf([row[at], moneyOf(part[name], part)]);
    }
    const all = groups.map((item, index): Series => ({ label: nameOf(item), values: rows.get(idOf(item)) ?? [], color: `--series-${index + 1}`, kind: "bars" }));
    // The API's own sum of each interval: a session on two machines counts once in it.
    const sum: Series = { label: "All", values: course.map((item) => moneyOf(item[name], item)), color: "", kind: "sum" };
    const others = all.slice(MOST);
    const together: Series = { label: `${count(others.length)} others`, values: dates.map((_, at) => sumOf(others.map(({ values }) => values[at]))), color: "--series-6", kind: "bars" };
    return [[sum, ...all.slice(0, MOST), ...(others.length > 0 ? [together] : [])], [sum, ...all]];
  }, [course, dates, parts, sums, by, name]);
  if (ofTable.length === 1) return <p class="quiet">There is nothing to draw in this range.</p>;
  return (
    <SeriesChart
      label={`${measured} over time by ${label.toLowerCase()}`}
      dates={dates}
      series={series}
      ofTable={ofTable}
      format={exact}
      axisFormat={short}
      height={height}
      isStacked
      {...timeAxis(interval)}
    />
  );
}
