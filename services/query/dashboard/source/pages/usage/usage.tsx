/** What does it cost: tokens and cost over time and by model, project, person and machine, with sums that match, as CSV too. */

import { choiceOf, choose } from "../../address/choice";
import { chosen, rangeQuery } from "../../address/filters";
import { extent, range, rangeBefore } from "../../address/range";
import { seesNames } from "../../api/identity";
import { addressOf } from "../../api/request";
import { useRead } from "../../api/use_read";
import { intervalLabel, intervalsOf } from "../../format/intervals";
import { measure } from "../../format/measures";
import { count, plural } from "../../format/quantities";
import { DroppedNote } from "../../parts/notes/dropped_note";
import { Loaded, Panel } from "../../parts/panel";
import { StatsPage } from "../../parts/stats/stats_page";
import { Switch } from "../../parts/switch";
import { TokenSplit } from "../../parts/stats/token_split";
import { PHONE, useMedia } from "../../parts/use_media";
import { BlocksPanel } from "./blocks_panel";
import { CacheChart } from "./cache_chart";
import { DIMENSIONS, MEASURES, PAIRS, WHAT } from "./dimensions";
import { MoneyPanel } from "./money_panel";
import { QuotaPanel } from "./quota_panel";
import { UsageChart } from "./usage_chart";
import "./usage.css";
import { UsageTable } from "./usage_table";
import { UsageTiles } from "./usage_tiles";

const ALL = ["project", "user", "machine", "model"] as const;
const HEIGHT = 280;

export default function Usage() {
  // A key without names gets no machine: its rows would all be the unknown one.
  const dimensions = DIMENSIONS.filter((each) => each !== "machine" || seesNames.value);
  const by = choiceOf("by", dimensions);
  const name = choiceOf("measure", MEASURES);
  const intervals = intervalsOf(range.value, extent.value).filter((each) => each !== "hour");
  const interval = choiceOf("interval", intervals.length > 0 ? intervals : (["day"] as const));
  const query = rangeQuery(ALL);
  const course = useRead("/api/usage", { ...query, group_by: interval });
  const parts = useRead("/api/usage", { ...query, group_by: `${interval},${by}` });
  const sums = useRead("/api/usage", { ...query, group_by: by });
  const pairs = useRead(by === "user" ? "/api/usage" : null, { ...query, group_by: PAIRS });
  const before = rangeBefore.value;
  const sumsBefore = useRead(before ? "/api/usage" : null, { ...query, start_date: before?.start, end_date: before?.end, group_by: "month" });
  const csv = addressOf("/api/usage", { ...query, group_by: `${interval},${by}`, format: "csv" });
  const isPhone = useMedia(PHONE);
  const tiles = (
    <Loaded reading={course} what="the totals" height={102}>
      {(data) => <UsageTiles totals={data.totals} before={sumsBefore.isCurrent && sumsBefore.data?.totals.api_calls ? sumsBefore.data.totals : undefined} hasModel={chosen.value.model !== undefined} />}
    </Loaded>
  );
  return (
    <StatsPage title="Usage" filters={ALL} about="costs at the API's list prices, not your subscription" without="no usage">
      <DroppedNote sessions={course.data?.dropped_sessions} />
      {!isPhone && tiles}
      <div class="grid">
        <Panel
          title={`${measure(name).label} over time`}
          about={`by ${intervalLabel(interval).toLowerCase()}`}
          actions={
            <>
              <Switch label="Number" options={MEASURES.map((value) => ({ value, label: measure(value).label }))} value={name} onChange={(value) => choose("measure", value, MEASURES)} />
              <Switch label="Grouped by" options={dimensions.map((value) => ({ value, label: WHAT[value].label }))} value={by} onChange={(value) => choose("by", value, dimensions)} />
              {intervals.length > 1 && (
                <Switch label="Interval" options={intervals.map((value) => ({ value, label: intervalLabel(value) }))} value={interval} onChange={(value) => choose("interval", value, intervals)} />
              )}
            </>
          }
        >
          <Loaded reading={{ ...parts, data: course.data && sums.data && parts.data }} what="the usage" height={HEIGHT + 34}>
            {(data) => course.data && sums.data && <UsageChart course={course.data.items} parts={data.items} sums={sums.data.items} by={by} name={name} interval={interval} height={HEIGHT} />}
          </Loaded>
        </Panel>
        {isPhone && tiles}
        <MoneyPanel query={query} totals={course.data?.totals} />
        <Panel
          title={`By ${WHAT[by].label.toLowerCase()}`}
          about={by === "machine" ? "a session on several machines counts on each, and once in the last row" : undefined}
          actions={
            <a class="button is-small" href={csv} download>
              CSV by {interval} and {WHAT[by].label.toLowerCase()}
            </a>
          }
        >
          <Loaded reading={sums} what="the sums" height={240}>
            {(data) => <UsageTable items={data.items} totals={data.totals} by={by} csv={sums.address} />}
          </Loaded>
        </Panel>
        {by === "user" && (
          <Panel title="By person and model">
            <Loaded reading={pairs} what="the models of each person" height={240}>
              {(data) => <UsageTable items={data.items} totals={data.totals} by={PAIRS} csv={pairs.address} />}
            </Loaded>
          </Panel>
        )}
        <Panel title="Cache hits over time" about={`by ${intervalLabel(interval).toLowerCase()}; how much of the input came from the cache`} class="two-thirds">
          <Loaded reading={course} what="the cache hits" height={220}>
            {(data) => <CacheChart items={data.items} interval={interval} />}
          </Loaded>
        </Panel>
        <Panel title="Tokens by kind" class="third">
          <Loaded reading={course} what="the tokens" height={170}>
            {(data) => (
              <>
                <TokenSplit tokens={data.totals} />
                {data.totals.unpriced_calls > 0 && (
                  <p class="quiet">
                    No price is known for {count(data.totals.unpriced_calls)} of {plural(data.totals.api_calls, "call")}: their tokens count, their cost does not. Run <code>tracker prices set</code>.
                  </p>
                )}
                {data.price_versions.length > 0 && <p class="quiet usage-prices">Prices: {data.price_versions.join(", ")}</p>}
              </>
            )}
          </Loaded>
        </Panel>
        <QuotaPanel />
        <BlocksPanel />
      </div>
    </StatsPage>
  );
}
