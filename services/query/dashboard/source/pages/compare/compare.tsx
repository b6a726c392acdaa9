/** Two ranges beside each other: both in all, then what moved most by project, person, model, tool and error class. */

import { parameter, withParameters } from "../../address/address";
import { rangeQuery } from "../../address/filters";
import { extent, zone } from "../../address/range";
import { seesNames, seesTextsOfCounts } from "../../api/identity";
import { useRead } from "../../api/use_read";
import { addDays, today } from "../../format/days";
import { DayFields } from "../../parts/filters/day_fields";
import { DroppedNote } from "../../parts/notes/dropped_note";
import { EmptyNote } from "../../parts/notes/empty_note";
import { Loaded, Panel } from "../../parts/panel";
import { StatsPage } from "../../parts/stats/stats_page";
import "./compare.css";
import { GROUPS, type GroupName, chosenGroups, groupAddress, groupOf } from "./groups";
import { LAST_MONTH, PREVIOUS, chooseDay, chooseDays, chosenComparison, comparedQuery, daysOf, daysText, wrongComparison } from "./ranges";
import { GroupTable, TotalsTable, hasBefore } from "./tables";

type Query = Record<string, string>;

export default function Compare() {
  const compared = comparedQuery();
  const newest = extent.value?.last ?? today(zone.value);
  return (
    <StatsPage title="Compare" filters={["project", "user", "machine"]} without="nothing to compare">
      {compared ? (
        <Compared query={{ ...rangeQuery(), ...compared }} />
      ) : (
        <EmptyNote title="A range without a first day has nothing before it.">
          <a href={withParameters({ range: null, from: addDays(newest, -29), to: newest })}>Compare the newest 30 days with those before</a>
        </EmptyNote>
      )}
    </StatsPage>
  );
}

function Compared({ query }: { query: Query }) {
  // A key that does not see them would get one row of all that are unknown.
  const names = (Object.keys(GROUPS) as GroupName[]).filter((each) => (each !== "machine" || seesNames.value) && (each !== "branch" || seesTextsOfCounts.value));
  const groups = chosenGroups(parameter("by"), names);
  const reading = useRead("/api/compare", { ...query, group_by: "project" });
  const { data } = reading;
  const isEmpty = data !== null && !data.totals.some((each) => each.value || each.before);
  const [now, before] = [data && daysOf(data.range), data && daysOf(data.range_before)];
  const wrong = wrongComparison();
  return (
    <>
      <SecondRange before={before} />
      {wrong && (
        <p class="is-bad" role="alert">
          {wrong} This compares with the days before.
        </p>
      )}
      {data && (
        <p class="compare-ranges" role="status">
          <b>Now</b> is {daysText(data.range)}. <b>Before</b> is {daysText(data.range_before)}.{" "}
          {now && before && now.days !== before.days && "The ranges differ in length: so do their sums."}
        </p>
      )}
      <DroppedNote sessions={data ? data.dropped_sessions + data.dropped_sessions_before : 0} />
      {isEmpty ? (
        <EmptyNote title="Nothing happened in either range." />
      ) : (
        <>
          {data && !hasBefore(data.totals) && <p class="note is-warning">Nothing happened in the days before, so there are no differences.</p>}
          <div class="grid">
            <Panel class="half compare-panel" title="In all" about={`days in ${zone.value}`}>
              <Loaded reading={reading} what="both ranges" height={320}>
                {({ totals }) => <TotalsTable totals={totals} />}
              </Loaded>
            </Panel>
            {groups.map((by) => (
              <GroupPanel key={by} by={by} query={query} isCompared={data === null || hasBefore(data.totals)} />
            ))}
          </div>
          <div class="filters compare-groups">
            Show by:
            {names.map((name) => (
              <a key={name} class="chip" href={groupAddress(name, groups)} aria-current={groups.includes(name) ? "true" : undefined}>
                {groupOf(name).label}
              </a>
            ))}
          </div>
        </>
      )}
    </>
  );
}

function SecondRange({ before }: { before: { start: string; end: string } | null }) {
  const chosen = chosenComparison();
  const link = (value: string, label: string) => (
    <a href={withParameters({ compare: value === PREVIOUS ? null : value })} aria-current={chosen === value ? "true" : undefined}>
      {label}
    </a>
  );
  return (
    <div class="filter-bar">
      <span class="range-picker">
        Compared with
        <span class="switch" role="group" aria-label="Compared with">
          {link(PREVIOUS, "The days before")}
          {link(LAST_MONTH, "The month before this one")}
        </span>
        <DayFields days={before ?? { start: null, end: null }} of="before" onChoose={chooseDays} />
      </span>
      <label class="range-days">
        or split at a day
        <input
          type="date"
          aria-label="The day that divides before from now"
          max={today(zone.value)}
          onChange={(event) => {
            if (event.currentTarget.value > "1970") chooseDay(event.currentTarget.value);
          }}
        />
      </label>
    </div>
  );
}

function GroupPanel({ by, query, isCompared }: { by: GroupName; query: Query; isCompared: boolean }) {
  const reading = useRead("/api/compare", { ...query, group_by: by });
  const { label } = groupOf(by);
  return (
    <Panel class="half compare-panel" title={by === "error_class" ? label : `By ${label.toLowerCase()}`} about="what moved most first">
      <Loaded reading={reading} what={`both ranges by ${label.toLowerCase()}`} height={240}>
        {({ items }) => <GroupTable items={items} by={by} isCompared={isCompared} csv={reading.address} />}
      </Loaded>
    </Panel>
  );
}
