/** Where did the days go: ten numbers with the period before, a year, the course, and who, what and when. */

import { rangeQuery } from "../../address/filters";
import { rangeBefore } from "../../address/range";
import { seesTexts } from "../../api/identity";
import { useRead } from "../../api/use_read";
import { Loaded } from "../../parts/panel";
import { StatsPage } from "../../parts/stats/stats_page";
import { StatsSeries, chosenInterval, statsBefore } from "../../parts/stats/stats_series";
import { StatsTiles } from "../../parts/stats/stats_tiles";
import { WeekPanel } from "../../parts/stats/week_panel";
import { PHONE, useMedia } from "../../parts/use_media";
import { CachePanel } from "./cache_panel";
import "./overview.css";
import { ModelsPanel, OthersPanel, ProjectsPanel } from "./share_panels";
import { TopSessions } from "./top_sessions";
import { YearPanel } from "./year_panel";

const TILES_HEIGHT = 198;

export default function Overview() {
  const query = { ...rangeQuery(), interval: chosenInterval() };
  const stats = useRead("/api/stats", query);
  const before = rangeBefore.value;
  const readBefore = useRead(before ? "/api/stats" : null, { ...query, start_date: before?.start, end_date: before?.end });
  const isPhone = useMedia(PHONE);
  const tiles = (
    <Loaded reading={stats} what="the totals" height={TILES_HEIGHT}>
      {(data) => <StatsTiles totals={data.totals} before={statsBefore(readBefore)?.totals} />}
    </Loaded>
  );
  const series = <StatsSeries stats={stats} before={readBefore} class="two-thirds" />;
  return (
    <StatsPage title="Overview" filters={["project", "user", "machine"]} without="nothing here">
      {!isPhone && tiles}
      <div class="grid">
        {isPhone && series}
        {isPhone && tiles}
        <YearPanel />
        {!isPhone && series}
        <WeekPanel stats={stats} />
        <ProjectsPanel />
        <ModelsPanel />
        <OthersPanel stats={stats} />
        {seesTexts.value && <TopSessions />}
        <CachePanel stats={stats} class={seesTexts.value ? "third" : ""} />
      </div>
    </StatsPage>
  );
}
