/** Lines added and removed over time: by day, by week or by month, as the time is long. */

import { useMemo } from "preact/hooks";
import type { Schemas } from "../../api/answers";
import { addDays, daysBetween, weekdayOf } from "../../format/days";
import { count } from "../../format/quantities";
import { SeriesChart } from "../../parts/charts/series_chart";

type Day = Schemas["ChangeDay"];

const MOST_DAYS = 62;
const MOST_WEEKS_DAYS = 430;
const HEIGHT = 130;

export function ChangeChart({ days }: { days: readonly Day[] }) {
  const course = useMemo(() => courseOf(days), [days]);
  const series = useMemo(
    () => [
      { label: "Lines added", values: course.added, color: "--series-3", kind: "bars" as const },
      { label: "Lines removed", values: course.removed, color: "--series-2", kind: "bars" as const },
    ],
    [course],
  );
  if (course.dates.length < 2) return null;
  return <SeriesChart label={`Lines added and removed by ${course.step}`} dates={course.dates} series={series} format={count} height={HEIGHT} isStacked />;
}

interface Course {
  step: "day" | "week" | "month";
  dates: string[];
  added: number[];
  removed: number[];
}

/** Sums by step, with the empty steps between. */
export function courseOf(days: readonly Day[]): Course {
  const first = days[0]?.day;
  const last = days.at(-1)?.day;
  if (!first || !last) return { step: "day", dates: [], added: [], removed: [] };
  const length = daysBetween(first, last) + 1;
  const step = length <= MOST_DAYS ? "day" : length <= MOST_WEEKS_DAYS ? "week" : "month";
  const startOf = (day: string) => (step === "day" ? day : step === "week" ? addDays(day, -weekdayOf(day)) : day.slice(0, 7));
  const sums = new Map<string, { added: number; removed: number }>();
  for (let day = first; day <= last; day = addDays(day, 1)) {
    const start = startOf(day);
    if (!sums.has(start)) sums.set(start, { added: 0, removed: 0 });
  }
  for (const day of days) {
    const sum = sums.get(startOf(day.day));
    if (sum) {
      sum.added += day.lines_added;
      sum.removed += day.lines_removed;
    }
  }
  const all = [...sums.entries()];
  return { step, dates: all.map(([date]) => date), added: all.map(([, sum]) => sum.added), removed: all.map(([, sum]) => sum.removed) };
}
