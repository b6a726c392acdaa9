/** Two ranges beside each other: both in all, then what moved most by project, person, model, tool and error class. */

import { parameter, withParameters } from "../../address/address";
import { rangeQuery } from "../../address/filters";
import { extent, zone } from "../../address/range";
import { seesNames, seesTextsOfCounts } from "../../api/identity";
import { useRead } from "../../api/use_read";
import { addDays, spanText, today } from "../../format/days";
import { DayFields } from "../../parts/filters/day_fields";
import { DroppedNote } from "../../parts/notes/dropped_note";
import { EmptyNote } from "../../parts/notes/empty_note";
import { Loaded, Panel } from "../../parts/panel";
import { StatsPage } from "../../parts/stats/stats_page";
import "./compare.css";
import { GROUPS, type GroupName, chosenGroups, groupAddress, groupOf } from "./groups";
import { PREVIOUS, choices, chooseDay, chooseDays, chosenComparison, comparedQuery, daysOf, daysText, wrongComparison } from "./ranges";
import { GroupTable, type Spans, TotalsTable, hasBefore } from "./tables";

type Query = Record<string, string>;

export default function Compare() {
  const compared = comparedQuery();
  return (
    <StatsPage title="Compare" filters={["project", "user", "machine"]} without="nothing to compare">
      {compared ? (
        <Compared query={{ ...rangeQuery(), ...compared }} />
      ) : (
        <EmptyNote title="All days have nothing before them. Choose a range.">
          <Newest />
        </EmptyNote>
      )}
    </StatsPage>
  );
}

function Newest() {
  const to = extent.value?.last ?? today(zone.value);
  return <a href={withParameters({ range: null, compare: null, from: addDays(to, -29), to })}>Compare the newest 30 days with the 30 before</a>;
}

function Compared({ query }: { query: Query }) {
  // A key that does not see them would get one row of all that are unknown.
  const names = (Object.keys(GROUPS) as GroupName[]).filter((each) => (each !== "machine" || seesNames.value) && (each !== "branch" || seesTextsOfCounts.value));
  const groups = chosenGroups(parameter("by"), names);
  const reading = useRead("/api/compare", { ...query, group_by: "project" });
  const { data } = reading;
  const isEmpty = data !== null && !data.totals.some((each) => each.value || each.before);
  const [now, before] = [daysOf(query.start_date, query.end_date), daysOf(...(query.compare?.split("..") ?? []))];
  const spans: Spans = [spanText(now.start, now.end), spanText(before.start, before.end)];
  const wrong = wrongComparison();
  return (
    <>
      <SecondRange before={before} />
      {wrong && (
        <p class="is-bad" role="alert">
          {wrong} Shown is the comparison with the days before.
        </p>
      )}
      <p class="compare-ranges" role="status">
        <b>{daysText(now)}</b> against <b>{daysText(before)}</b>
        {now.days !== before.days && ": unequal numbers of days"}
      </p>
      <DroppedNote sessions={data ? data.dropped_sessions + data.dropped_sessions_before : 0} />
      {isEmpty ? (
        <EmptyNote title="Nothing happened on any of these days.">
          <Newest />
        </EmptyNote>
      ) : (
        <>
          {data && !hasBefore(data.totals) && <p class="note">Nothing happened on {spans[1]}, so there is nothing to compare with. Choose other days above.</p>}
          <div class="grid">
            <Panel class="half compare-panel" title="In all" about={`days in ${zone.value}`}>
              <Loaded reading={reading} what="both ranges" height={388}>
                {({ totals }) => <TotalsTable totals={totals} spans={spans} />}
              </Loaded>
            </Panel>
            {groups.map((by) => (
              <GroupPanel key={by} by={by} query={query} spans={spans} isCompared={data === null || hasBefore(data.totals)} />
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

function SecondRange({ before }: { before: { start: string; end: string } }) {
  const chosen = chosenComparison();
  return (
    <div class="filter-bar">
      <span class="range-picker">
        Compared with
        <span class="switch" role="group" aria-label="Compared with">
          {choices().map(({ value, label }) => (
            <a key={value} href={withParameters({ compare: value === PREVIOUS ? null : value })} aria-current={chosen === value ? "true" : undefined}>
              {label}
            </a>
          ))}
        </span>
        <DayFields days={before} of="before" onChoose={chooseDays} />
      </span>
      <label class="range-days">
        or before and after
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

function GroupPanel({ by, query, spans, isCompared }: { by: GroupName; query: Query; spans: Spans; isCompared: boolean }) {
  const reading = useRead("/api/compare", { ...query, group_by: by });
  const { label } = groupOf(by);
  return (
    <Panel class="half compare-panel" title={by === "error_class" ? label : `By ${label.toLowerCase()}`} about={isCompared ? "what changed most first" : undefined}>
      <Loaded reading={reading} what={`both ranges by ${label.toLowerCase()}`} height={388}>
        {({ items }) => <GroupTable items={items} by={by} spans={spans} isCompared={isCompared} csv={reading.address} />}
      </Loaded>
    </Panel>
  );
}
