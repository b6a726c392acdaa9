/** A range's numbers over time, with the period before as a ghost line. The measure and the interval are switched in the address. */

import { useMemo } from "preact/hooks";
import { choiceOf, choose } from "../../address/choice";
import { extent, range, rangeBefore } from "../../address/range";
import type { Schemas } from "../../api/answers";
import type { Reading } from "../../api/use_read";
import { type Interval, intervalLabel, intervalsOf } from "../../format/intervals";
import { type MeasureName, measure } from "../../format/measures";
import { moneyOf } from "../../format/quantities";
import { Loaded, Panel } from "../panel";
import { SeriesChart } from "../charts/series_chart";
import { timeAxis } from "../charts/time_axis";
import { Switch } from "../switch";
import { allTokens } from "./token_split";

type Point = Schemas["Point"];

const MEASURES = ["active_minutes", "active_sessions", "messages", "tool_calls", "total_tokens", "cost_usd"] as const satisfies readonly MeasureName[];
const HEIGHT = 230;

/** The interval that the series is read with: chosen, or the usual one for the range. */
export function chosenInterval(): Interval {
  return choiceOf("interval", intervalsOf(range.value, extent.value));
}

function valueOf(point: Point, name: (typeof MEASURES)[number]): number | null | undefined {
  return name === "total_tokens" ? allTokens(point) : name === "cost_usd" ? moneyOf(point.cost_usd, point) : point[name];
}

/** The period before, where there is one and anything happened in it: nothing is compared with nothing. */
export function statsBefore(before: Reading<Schemas["Stats"]>): Schemas["Stats"] | undefined {
  const data = rangeBefore.value && before.isCurrent ? before.data : null;
  const { active_sessions, messages, tool_calls, api_calls } = data?.totals ?? {};
  return data && (active_sessions || messages || tool_calls || api_calls) ? data : undefined;
}

interface Props {
  stats: Reading<Schemas["Stats"]>;
  before: Reading<Schemas["Stats"]>;
  class?: string;
}

export function StatsSeries({ stats, before, class: extra = "" }: Props) {
  const chosen = choiceOf("series", MEASURES);
  const interval = chosenInterval();
  const intervals = intervalsOf(range.value, extent.value);
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
        {(data) => <Series points={data.time_series} before={statsBefore(before)?.time_series} interval={data.range.interval} name={chosen} project={data.project?.id} />}
      </Loaded>
    </Panel>
  );
}

interface SeriesProps {
  points: readonly Point[];
  before: readonly Point[] | undefined;
  interval: Interval;
  name: (typeof MEASURES)[number];
  project: number | undefined;
}

function Series({ points, before, interval, name, project }: SeriesProps) {
  const { label, short, exact, axis } = measure(name);
  const dates = useMemo(() => points.map((point) => point.date), [points]);
  const series = useMemo(
    () => [
      { label, values: points.map((point) => valueOf(point, name)), color: "--series-1", kind: "bars" as const },
      ...(before?.length ? [{ label: rangeBefore.value?.label ?? "", values: points.map((_, index) => (before[index] ? valueOf(before[index], name) : null)), color: "--ghost", kind: "ghost" as const }] : []),
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
      {...timeAxis(interval, project)}
    />
  );
}
