/** All projects with their numbers in the range; or one of them, `/projects/{id}`. */

import { parts } from "../../address/address";
import { rangeQuery } from "../../address/filters";
import { extent, range, rangeAddress } from "../../address/range";
import { seesNames } from "../../api/identity";
import { useRead } from "../../api/use_read";
import { daysIn } from "../../format/intervals";
import { plural } from "../../format/quantities";
import { lazily } from "../../parts/lazily";
import { Loaded, Panel } from "../../parts/panel";
import { StatsPage } from "../../parts/stats/stats_page";
import { ProjectTable } from "./project_table";
import "./projects.css";

const Project = lazily(() => import("../project/project"));

export default function Projects() {
  const id = parts.value[1];
  return id ? <Project key={id} /> : <AllProjects />;
}

const MANY_DAYS = 400;

function AllProjects() {
  const query = rangeQuery(["user", "machine"]);
  const days = daysIn(range.value.start, range.value.end, extent.value);
  const interval = days <= 31 ? "day" : days <= MANY_DAYS ? "week" : "month";
  const usage = useRead("/api/usage", { ...query, group_by: "project" });
  const trend = useRead("/api/usage", { ...query, group_by: `${interval},project` });
  // Paths and last sessions, where the key sees them. They are of all time.
  const projects = useRead(seesNames.value ? "/api/projects" : null, { archived: "all" });
  return (
    <StatsPage title="Projects" filters={["user", "machine"]} without="no project">
      <Panel title="Projects that were active in this range" about={usage.data ? plural(usage.data.items.filter((item) => item.project_id != null).length, "project") : undefined}>
        <Loaded reading={usage} what="the projects" height={480}>
          {(data) => (
            <ProjectTable
              items={data.items}
              totals={data.totals}
              trend={trend.isCurrent ? (trend.data?.items ?? []) : []}
              interval={interval}
              projects={projects.data ?? []}
              csv={usage.address}
            />
          )}
        </Loaded>
        {range.value.name !== "all" && (
          <p class="quiet project-more">
            Projects that were not active in these days are not listed. <a href={rangeAddress("all")}>Show those of all time</a>
          </p>
        )}
      </Panel>
    </StatsPage>
  );
}
