/** A year of days. A click on one chooses it; chosen again, the range before comes back. */

import { useState } from "preact/hooks";
import { withParameters } from "../../address/address";
import { choiceOf, choose } from "../../address/choice";
import { filterQuery, pageAddress } from "../../address/filters";
import { extent, historyQuery, range, zone } from "../../address/range";
import type { Schemas } from "../../api/answers";
import { useRead } from "../../api/use_read";
import { addDays, dayText, daysBetween, today } from "../../format/days";
import { type MeasureName, measure } from "../../format/measures";
import { count, moneyOf, plural, withUnit } from "../../format/quantities";
import { Loaded, Panel } from "../../parts/panel";
import { Switch } from "../../parts/switch";
import { Table } from "../../parts/tables/table";
import { TableSwitch } from "../../parts/charts/table_switch";
import { YearMap } from "../../parts/charts/year_map";

type Item = Schemas["UsageItem"];

const MEASURES = ["active_minutes", "active_sessions", "messages", "tool_calls", "total_tokens", "cost_usd"] as const satisfies readonly MeasureName[];
const DAYS = 371;
const HEIGHT = 160;

export function YearPanel() {
  const name = choiceOf("year", MEASURES);
  const last = lastDay();
  const filters = filterQuery();
  const first = addDays(last, 1 - DAYS);
  // Without filters it is the answer that has told which days have anything: no other request.
  const isAll = Object.keys(filters).length === 0 && extent.value !== null;
  const [isTable, setTable] = useState(false);
  const usage = useRead("/api/usage", isAll ? historyQuery.value : { ...historyQuery.value, ...filters, start_date: first, end_date: last });
  return (
    <Panel
      title="A year"
      about={`${measure(name).label.toLowerCase()} by day, ${zone.value}; the days outside the range are paler`}
      actions={
        <>
          <Switch label="Number of the year" options={MEASURES.map((value) => ({ value, label: measure(value).label }))} value={name} onChange={(value) => choose("year", value, MEASURES)} />
          <TableSwitch isTable={isTable} onChange={setTable} picture="Map" />
        </>
      }
    >
      <Loaded reading={usage} what="the year" height={HEIGHT}>
        {(data) => <Year items={data.items} name={name} first={first} last={last} isTable={isTable} />}
      </Loaded>
    </Panel>
  );
}

/** Today, or the end of an older range, so that the days of the range are on the map and the map does not move while one is chosen. */
function lastDay(): string {
  const now = today(zone.value);
  const end = range.value.end ?? extent.value?.last ?? now;
  return daysBetween(end, now) < 365 ? now : end;
}

interface YearProps {
  items: readonly Item[];
  name: (typeof MEASURES)[number];
  first: string;
  last: string;
  isTable: boolean;
}

function Year({ items, name, first, last, isTable }: YearProps) {
  const { exact, label } = measure(name);
  const values = new Map<string, number>();
  const days = items.filter((item) => item.day && item.day >= first && item.day <= last);
  for (const item of days) if (item.day && item[name]) values.set(item.day, item[name]);
  const { start, end } = range.value;
  const isInRange = (day: string) => (!start || day >= start) && (!end || day <= end);
  const chosenDay = start !== null && start === end ? start : null;
  const hrefOf = (day: string) => (day === chosenDay ? withParameters({ from: null, to: null }) : withParameters({ range: null, from: day, to: day, interval: null }));
  const most = [...values].reduce<[string, number] | null>((best, each) => (best && best[1] >= each[1] ? best : each), null);
  return (
    <div class="year">
      {isTable ? (
        <div class="chart-table year-table">
          <Table
            caption="A year by day"
            rows={days.reverse()}
            keyOf={(item) => item.day ?? ""}
            columns={[
              { title: "Day", cell: (item) => <a href={dayAddress(item.day ?? "")}>{dayText(item.day ?? "")}</a>, sortBy: (item) => item.day ?? null },
              ...MEASURES.map((each) => {
                const { label: title, exact: written } = measure(each);
                return { title, csvTitle: withUnit(title, written), isNumber: true, cell: (item: Item) => written(moneyOf(item[each], item)), sortBy: (item: Item) => item[each] };
              }),
            ]}
          />
        </div>
      ) : (
        <YearMap label={`${label} by day`} values={values} last={last} format={exact} hrefOf={hrefOf} isInRange={isInRange} />
      )}
      <dl class="facts">
        <div>
          <dt>Active days</dt>
          <dd>{count(values.size)}</dd>
        </div>
        <div>
          <dt>Longest run</dt>
          <dd>{plural(longestRun([...values.keys()]), "day")}</dd>
        </div>
        {most && (
          <div>
            <dt>Most in a day</dt>
            <dd>
              {exact(most[1])} <a href={dayAddress(most[0])}>{dayText(most[0])}</a>
            </dd>
          </div>
        )}
      </dl>
    </div>
  );
}

/** The page of a day, which has no range. */
function dayAddress(day: string): string {
  return pageAddress(`/days/${day}`, { range: null, from: null, to: null });
}

/** How many days in a row, at most. */
function longestRun(days: readonly string[]): number {
  const sorted = [...days].sort();
  let longest = 0;
  let run = 0;
  for (const [index, day] of sorted.entries()) {
    run = index > 0 && addDays(sorted[index - 1] ?? day, 1) === day ? run + 1 : 1;
    longest = Math.max(longest, run);
  }
  return longest;
}
