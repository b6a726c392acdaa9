/** Why calls failed: the reasons with their course and the period before, and the newest calls of the chosen one. */

import { useMemo } from "preact/hooks";
import { address, withParameters } from "../../address/address";
import { rangeBefore } from "../../address/range";
import type { Schemas } from "../../api/answers";
import { seesTexts } from "../../api/identity";
import type { Reading } from "../../api/use_read";
import { errorClassDefinition, errorClassLabel } from "../../format/error_classes";
import { type Interval, intervalLabel } from "../../format/intervals";
import { count, percent, plural } from "../../format/quantities";
import { drawnPart } from "../../parts/charts/scales";
import { SeriesChart } from "../../parts/charts/series_chart";
import { Sparkline } from "../../parts/charts/sparkline";
import { timeAxis } from "../../parts/charts/time_axis";
import { Loaded, Panel } from "../../parts/panel";
import { Change } from "../../parts/stats/tile";
import { Table } from "../../parts/tables/table";
import { Time } from "../../parts/time";

type ErrorClass = Schemas["ErrorClass"];
type Errors = Schemas["ToolErrors"];

/** The reasons of a range, and all of its calls: what the rates are of. */
export interface Period {
  errors: Errors;
  calls: number;
}

const HEIGHT = 420;

interface Props {
  errors: Reading<Errors>;
  /** All calls of the range; null until they are known. */
  calls: number | null;
  /** Only where the period before has any call. */
  before: Period | null;
}

export function ErrorsPanel({ errors, calls, before }: Props) {
  const wanted = address.value.parameters.get("error");
  return (
    <>
      <Panel title="Why calls failed" about="failed, timed out, rejected and cancelled calls" class="half">
        <Loaded reading={errors} what="the reasons" height={HEIGHT}>
          {(data) => <Classes data={data} csv={errors.address} calls={calls} before={before} chosen={chosenOf(data.classes, wanted)} />}
        </Loaded>
      </Panel>
      <Panel title="The chosen reason" class="half chosen-reason">
        <Loaded reading={errors} what="the calls" height={HEIGHT}>
          {(data) => <Chosen error={chosenOf(data.classes, wanted)} data={data} />}
        </Loaded>
      </Panel>
    </>
  );
}

/** The one in the address, or the most frequent. */
function chosenOf(classes: readonly ErrorClass[], wanted: string | null): ErrorClass | null {
  return classes.find((each) => each.error_class === wanted) ?? classes[0] ?? null;
}

type Row = Pick<ErrorClass, "error_class" | "calls" | "calls_over_time">;

function Classes({ data, csv, calls, before, chosen }: { data: Errors; csv: string | null; calls: number | null; before: Period | null; chosen: ErrorClass | null }) {
  const gone = before?.errors.classes.filter((each) => !data.classes.some(({ error_class }) => error_class === each.error_class)) ?? [];
  const rows: Row[] = [...data.classes, ...gone.map(({ error_class }) => ({ error_class, calls: 0 }))];
  if (rows.length === 0) return <p class="quiet">Every call in this range succeeded.</p>;
  const course = (data.time_series ?? []).map((point) => point.calls);
  const part = drawnPart([course], course.length);
  const interval = intervalLabel(data.range.interval ?? "day").toLowerCase();
  const rate = (failed: number, of: number | null) => (of ? failed / of : null);
  const countBefore = (name: string | null) => before && (name === null ? before.errors.failed_calls : (before.errors.classes.find((each) => each.error_class === name)?.calls ?? 0));
  // Whether it is better or worse is told by the rate: with more calls, more fail.
  const changed = (of: "tool_calls" | "error_rate", failed: number, name: string | null) => {
    const was = countBefore(name);
    const isRate = of === "error_rate";
    return was !== null && <Change of={of} value={isRate ? rate(failed, calls) : failed} before={isRate ? rate(was, before?.calls ?? null) : was} label={rangeBefore.value?.label} />;
  };
  return (
    <div class="error-reasons">
      <Table
        caption="Reasons by calls"
        csv={csv}
        rows={rows}
        keyOf={(row) => row.error_class}
        columns={[
          {
            title: "Reason",
            cell: ({ error_class: name, calls }) =>
              calls > 0 ? (
                <a href={withParameters({ error: name })} title={errorClassDefinition(name)} aria-current={name === chosen?.error_class ? "true" : undefined}>
                  {errorClassLabel(name)}
                </a>
              ) : (
                <span title={errorClassDefinition(name)}>{errorClassLabel(name)}</span>
              ),
            total: "All",
          },
          { title: "Over time", isMinor: true, cell: (row) => <Sparkline values={(row.calls_over_time ?? []).slice(...part)} label={`${errorClassLabel(row.error_class)}: calls by ${interval}`} />, total: <Sparkline values={course.slice(...part)} label={`All: calls by ${interval}`} /> },
          { title: "Calls", isNumber: true, cell: (row) => count(row.calls), total: count(data.failed_calls) },
          ...(before ? [{ title: "Change", isNumber: true, cell: (row: Row) => changed("tool_calls", row.calls, row.error_class), total: changed("tool_calls", data.failed_calls, null) }] : []),
          { title: <span title="Among all tool calls of the range, whatever became of them.">Of all calls</span>, isNumber: true, isMinor: true, cell: (row) => percent(rate(row.calls, calls)), total: percent(rate(data.failed_calls, calls)) },
          ...(before ? [{ title: "Change", isNumber: true, isMinor: true, cell: (row: Row) => changed("error_rate", row.calls, row.error_class), total: changed("error_rate", data.failed_calls, null) }] : []),
        ]}
      />
    </div>
  );
}

function Chosen({ error, data }: { error: ErrorClass | null; data: Errors }) {
  if (error === null) return <p class="quiet">Every call in this range succeeded.</p>;
  const label = errorClassLabel(error.error_class);
  return (
    <>
      <p>
        <b>{label}</b>: {errorClassDefinition(error.error_class)}
      </p>
      <p class="quiet errors-tools">
        <span>
          {plural(error.calls, "call")}, {percent(error.share)} of all that did not succeed; last <Time at={error.last_seen} />.
        </span>
        {error.tools.map((tool) => (
          <a key={tool.tool_name} class="badge" href={withParameters({ tool: tool.tool_name })} title="Show only this tool">
            {tool.tool_name} {count(tool.calls)}
          </a>
        ))}
      </p>
      <Course label={label} error={error} points={data.time_series ?? []} interval={data.range.interval ?? "day"} />
      {seesTexts.value && error.examples.length > 0 && (
        <>
          <h3>The newest calls</h3>
          <ul class="failed-calls">
            {error.examples.map((call) => (
              <FailedCall key={call.id} call={call} />
            ))}
          </ul>
        </>
      )}
    </>
  );
}

function Course({ label, error, points, interval }: { label: string; error: ErrorClass; points: readonly Schemas["FailedPoint"][]; interval: Interval }) {
  const dates = useMemo(() => points.map((point) => point.date), [points]);
  const series = useMemo(() => [{ label: "Calls", values: error.calls_over_time ?? [], color: "--series-2", kind: "bars" as const }], [error]);
  return <SeriesChart label={`${label}: calls over time`} dates={dates} series={series} format={count} height={120} {...timeAxis(interval)} />;
}

function FailedCall({ call }: { call: Schemas["FailedCall"] }) {
  const head = (
    <>
      <span class="badge is-bad">{call.tool_name}</span> <Time at={call.timestamp} />
    </>
  );
  return (
    <li>
      {call.session_id ? (
        <a href={`/sessions/${encodeURIComponent(call.session_id)}?at=${call.id}`} data-item title="Show it in its session">
          {head} <span>in its session</span>
        </a>
      ) : (
        head
      )}
      {call.input && <pre class="failed-input" tabIndex={0}>{call.input}</pre>}
      <pre class="failed-error" tabIndex={0}>{call.error ?? "Its error text was not kept."}</pre>
    </li>
  );
}
