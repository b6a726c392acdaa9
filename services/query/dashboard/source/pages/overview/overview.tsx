/** Where did the days go: ten numbers with the period before, a year, the course, and who, what and when. */

import { rangeQuery } from "../../address/filters";
import { range, rangeBefore, zone } from "../../address/range";
import { useRead } from "../../api/use_read";
import { FilterBar } from "../../parts/filter_bar";
import { Loaded, Panel } from "../../parts/panel";
import { WeekMap } from "../../parts/week_map";
import { minutes } from "../../format/quantities";
import { OverviewTiles } from "./overview_tiles";

export default function Overview() {
  const stats = useRead("/api/stats", rangeQuery());
  const before = rangeBefore.value;
  const statsBefore = useRead(before ? "/api/stats" : null, { ...rangeQuery(), start_date: before?.start, end_date: before?.end });
  return (
    <>
      <header class="page-head">
        <h1>Overview</h1>
        <span class="quiet">
          {range.value.label}, days in {zone}
        </span>
      </header>
      <FilterBar filters={["project", "user", "machine"]} />
      <Loaded reading={stats} what="the totals">
        {(data) => <OverviewTiles totals={data.totals} before={before && statsBefore.isCurrent ? statsBefore.data?.totals : undefined} days={before?.days} />}
      </Loaded>
      <div class="grid">
        <Panel title="Weekday and hour" about={`active time, ${zone}`} class="half">
          <Loaded reading={stats} what="the hours">
            {(data) => (
              <WeekMap label="Active time by weekday and hour" cells={data.heatmap.map((cell) => ({ ...cell, value: cell.active_minutes }))} format={minutes} />
            )}
          </Loaded>
        </Panel>
      </div>
    </>
  );
}
