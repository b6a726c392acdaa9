/** Where did the days go: ten numbers with the period before, a year, the course, and who, what and when. */

import { rangeQuery } from "../../address/filters";
import { rangeBefore, zone } from "../../address/range";
import { seesTexts } from "../../api/identity";
import { useRead } from "../../api/use_read";
import { minutes } from "../../format/quantities";
import { Loaded, Panel } from "../../parts/panel";
import { StatsPage } from "../../parts/stats/stats_page";
import { StatsSeries, chosenInterval } from "../../parts/stats/stats_series";
import { StatsTiles } from "../../parts/stats/stats_tiles";
import { WeekMap } from "../../parts/charts/week_map";
import { CachePanel } from "./cache_panel";
import "./overview.css";
import { ModelsPanel, OthersPanel, ProjectsPanel } from "./share_panels";
import { TopSessions } from "./top_sessions";
import { YearPanel } from "./year_panel";

const TILES_HEIGHT = 188;
const WEEK_HEIGHT = 186;

export default function Overview() {
  const query = { ...rangeQuery(), interval: chosenInterval() };
  const stats = useRead("/api/stats", query);
  const before = rangeBefore.value;
  const statsBefore = useRead(before ? "/api/stats" : null, { ...query, start_date: before?.start, end_date: before?.end });
  return (
    <StatsPage title="Overview" filters={["project", "user", "machine"]} without="nothing here">
      <Loaded reading={stats} what="the totals" height={TILES_HEIGHT}>
        {(data) => <StatsTiles totals={data.totals} before={before && statsBefore.isCurrent ? statsBefore.data?.totals : undefined} days={before?.days} />}
      </Loaded>
      <div class="grid">
        <YearPanel />
        <StatsSeries stats={stats} before={statsBefore} class="two-thirds" />
        <Panel title="Weekday and hour" about={`active time, ${zone.value}`} class="third">
          <Loaded reading={stats} what="the hours" height={WEEK_HEIGHT}>
            {(data) => (
              <WeekMap label="Active time by weekday and hour" cells={data.heatmap.map((cell) => ({ ...cell, value: cell.active_minutes }))} format={minutes} />
            )}
          </Loaded>
        </Panel>
        <ProjectsPanel />
        <ModelsPanel />
        <OthersPanel stats={stats} />
        {seesTexts.value && <TopSessions />}
        <CachePanel stats={stats} class={seesTexts.value ? "third" : ""} />
      </div>
    </StatsPage>
  );
}
