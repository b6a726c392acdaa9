/** What fails, what is slow: tools with their times and errors, both over time, and why calls failed. */

import { address, withParameters } from "../../address/address";
import { rangeQuery } from "../../address/filters";
import { extent, range, rangeBefore } from "../../address/range";
import { seesTexts } from "../../api/identity";
import { useRead } from "../../api/use_read";
import { choiceOf, choose } from "../../address/choice";
import { intervalLabel, intervalsOf } from "../../format/intervals";
import { Loaded, Panel } from "../../parts/panel";
import { StatsPage } from "../../parts/stats/stats_page";
import { Switch } from "../../parts/switch";
import { PHONE, useMedia } from "../../parts/use_media";
import { CallsChart, SHOWN } from "./calls_chart";
import { ErrorsPanel } from "./errors_panel";
import { LatencyChart, aboutTimes } from "./latency_chart";
import { ToolTable } from "./tool_table";
import { ToolTiles } from "./tool_tiles";
import "./tools.css";

const EXAMPLES = 6;
const HEIGHT = 200;

export default function Tools() {
  const tool = address.value.parameters.get("tool");
  const intervals = intervalsOf(range.value, extent.value);
  const interval = choiceOf("interval", intervals);
  const shown = choiceOf("show", SHOWN);
  const query = { ...rangeQuery(), interval, tool_name: tool, include_latency: true };
  const all = useRead("/api/tool-calls/stats", { ...query, include_estimated: true });
  // The same with the times of measured calls alone.
  const measured = useRead("/api/tool-calls/stats", query);
  const alone = measured.isCurrent ? measured.data : null;
  const errors = useRead("/api/tool-calls/errors", { ...rangeQuery(), interval, tool_name: tool, examples: seesTexts.value ? EXAMPLES : 0 });
  const before = rangeBefore.value;
  const queryBefore = { ...rangeQuery(), tool_name: tool, start_date: before?.start, end_date: before?.end };
  const statsBefore = useRead(before ? "/api/tool-calls/stats" : null, { ...queryBefore, interval: "month" });
  const errorsBefore = useRead(before ? "/api/tool-calls/errors" : null, { ...queryBefore, examples: 0 });
  // Nothing is compared with a time without a call.
  const known = before && statsBefore.isCurrent && statsBefore.data?.total_calls ? statsBefore.data : undefined;
  const isPhone = useMedia(PHONE);
  const tiles = (
    <Loaded reading={all} what="the totals" height={102}>
      {(data) => <ToolTiles stats={data} before={known} />}
    </Loaded>
  );
  return (
    <StatsPage title="Tools" filters={["project", "user", "machine"]} without="no tool call">
      {tool && (
        <p class="chosen-tool">
          Only the tool <b>{tool}</b> <a class="button is-small" href={withParameters({ tool: null })}>All tools</a>
        </p>
      )}
      {!isPhone && tiles}
      <div class="grid">
        <Panel
          class="half"
          title={tool ? `${tool} over time` : "Calls over time"}
          about={`by ${intervalLabel(interval).toLowerCase()}`}
          actions={
            <>
              <Switch label="What is shown" options={SHOWN.map((value) => ({ value, label: value === "calls" ? "Calls" : "Error rate" }))} value={shown} onChange={(value) => choose("show", value, SHOWN)} />
              {intervals.length > 1 && (
                <Switch label="Interval" options={intervals.map((value) => ({ value, label: intervalLabel(value) }))} value={interval} onChange={(value) => choose("interval", value, intervals)} />
              )}
            </>
          }
        >
          <Loaded reading={all} what="the calls" height={HEIGHT + 24}>
            {(data) => <CallsChart points={data.time_series} interval={data.range.interval} shown={shown} height={HEIGHT} />}
          </Loaded>
        </Panel>
        {isPhone && tiles}
        <Panel class="half times" title={tool ? `How long ${tool} took` : "How long calls took"} about={all.data && aboutTimes(all.data)}>
          <Loaded reading={all} what="the times" height={HEIGHT + 24}>
            {(data) => <LatencyChart all={data} measured={alone} height={HEIGHT} />}
          </Loaded>
        </Panel>
        <Panel title="By tool" about="times of all calls; ≈ where some are estimated">
          <Loaded reading={all} what="the tools" height={300}>
            {(data) => <ToolTable tools={data.tools} measured={alone?.tools} chosen={tool} csv={all.address} />}
          </Loaded>
        </Panel>
        <ErrorsPanel
          errors={errors}
          calls={all.isCurrent ? (all.data?.total_calls ?? null) : null}
          before={known && errorsBefore.isCurrent && errorsBefore.data ? { errors: errorsBefore.data, calls: known.total_calls } : null}
        />
      </div>
    </StatsPage>
  );
}
