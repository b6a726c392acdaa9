/** A range's numbers over time, with the period before as a ghost line. The measure and the interval are switched in the address. */

import { useMemo } from "preact/hooks";
import { go, withParameters } from "../../address/address";
import { choiceOf, choose } from "../../address/choice";
import { extent, range, rangeBefore } from "../../address/range";
import type { Schemas } from "../../api/answers";
import type { Reading } from "../../api/use_read";
import { type Interval, daysIn, intervalLabel, intervalText, intervalsFor, lastDayOf } from "../../format/intervals";
import { type MeasureName, measure } from "../../format/measures";
import { Loaded, Panel } from "../panel";
import { SeriesChart } from "../charts/series_chart";
import { Switch } from "../switch";

type Point = Schemas["Point"];

const MEASURES = ["active_minutes", "active_sessions", "messages", "tool_calls", "total_tokens", "cost_usd"] as const satisfies readonly MeasureName[];
const HEIGHT = 230;

/** The interval that the series is read with: chosen, or the usual one for the range. */
export function chosenInterval(): Interval {
  return choiceOf("interval", intervalsNow());
}

function intervalsNow(): Interval[] {
  return intervalsFor(daysIn(range.value.start, range.value.end, extent.value));
}

export function valueOf(point: Point, name: (typeof MEASURES)[number]): number | null {
  if (name !== "total_tokens") return point[name];
  return point.input_tokens + point.output_tokens + point.cache_creation_tokens + point.cache_read_tokens;
}

interface Props {
  stats: Reading<Schemas["Stats"]>;
  before: Reading<Schemas["Stats"]>;
  class?: string;
}

export function StatsSeries({ stats, before, class: extra = "" }: Props) {
  const chosen = choiceOf("series", MEASURES);
  const interval = chosenInterval();
  const intervals = intervalsNow();
  const isCompared = rangeBefore.value !== null && before.isCurrent;
  return (
    <Panel
      title="Over time"
      class={extra}
      actions={
        <>
          <Switch label="Number" options={MEASURES.map((value) => ({ value, label: measure(value).label }))} value={chosen} onChange={(value) => choose("series", value, MEASURES)} />
          {intervals.length > 1 && (
            <Switch label="Interval" options={intervals.map((value) => ({ value, label: intervalLabel(value) }))} value={interval} onChange={(value) => choose("interval", value, intervals)} />
          )}
        </>
      }
    >
      <Loaded reading={stats} what="the series" height={HEIGHT + 24}>
        {(data) => <Series points={data.time_series} before={isCompared ? before.data?.time_series : undefined} interval={data.range.interval} name={chosen} />}
      </Loaded>
    </Panel>
  );
}

function Series({ points, before, interval, name }: { points: readonly Point[]; before: readonly Point[] | undefined; interval: Interval; name: (typeof MEASURES)[number] }) {
  const { label, short, exact, axis } = measure(name);
  const dates = useMemo(() => points.map((point) => point.date), [points]);
  const series = useMemo(
    () => [
      { label, values: points.map((point) => valueOf(point, name)), color: "--series-1", kind: "bars" as const },
      ...(before?.length ? [{ label: "The period before", values: points.map((_, index) => (before[index] ? valueOf(before[index], name) : null)), color: "--ghost", kind: "ghost" as const }] : []),
    ],
    [points, before, name],
  );
  return (
    <SeriesChart
      label={`${label} over time`}
      dates={dates}
      series={series}
      format={exact}
      axisFormat={axis?.format ?? short}
      axisSteps={axis?.steps}
      height={HEIGHT}
      dateText={(date) => intervalText(date, interval)}
      hrefOf={(date) => rangeOf(date, date, interval)}
      onChoose={(from, to) => go(rangeOf(from, to, interval))}
    />
  );
}

/** The address of this page with the days from one interval to another. */
export function rangeOf(from: string, to: string, interval: Interval): string {
  return withParameters({ range: null, interval: null, from: from.slice(0, 10), to: lastDayOf(to, interval) });
}
