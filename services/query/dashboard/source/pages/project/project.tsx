/** What happened in one project: its course, tools, files, people, branches and sessions. */

import { parts } from "../../address/address";
import { pageAddress, rangeQuery } from "../../address/filters";
import { rangeBefore } from "../../address/range";
import { seesTexts, seesTextsOfCounts } from "../../api/identity";
import { useRead } from "../../api/use_read";
import { projectName } from "../../format/names";
import { Erase } from "../../parts/erase";
import { EmptyNote } from "../../parts/notes/empty_note";
import { Loaded, Panel } from "../../parts/panel";
import { StatsPage } from "../../parts/stats/stats_page";
import { StatsSeries, chosenInterval, statsBefore } from "../../parts/stats/stats_series";
import { StatsTiles } from "../../parts/stats/stats_tiles";
import { WeekPanel } from "../../parts/stats/week_panel";
import { ToolTable } from "../tools/tool_table";
import "../tools/tools.css";
import { OneProject } from "./one_project";
import { BranchesPanel, FilesPanel, ModelsPanel, PeoplePanel } from "./project_panels";
import "./project.css";
import { ProjectSessions } from "./project_sessions";

export default function Project() {
  const id = parts.value[1] ?? "";
  return /^\d+$/.test(id) ? <Shown id={id} /> : <NoProject />;
}

function NoProject() {
  return (
    <EmptyNote isPage title="There is no such project.">
      <a href={pageAddress("/projects")}>All projects</a>
    </EmptyNote>
  );
}

function Shown({ id }: { id: string }) {
  const query = { ...rangeQuery(["user", "machine"]), interval: chosenInterval() };
  const inPath = { project_id: id };
  const stats = useRead("/api/projects/{project_id}/stats", query, { inPath });
  const before = rangeBefore.value;
  const readBefore = useRead(before ? "/api/projects/{project_id}/stats" : null, { ...query, start_date: before?.start, end_date: before?.end }, { inPath });
  const ofTools = { ...rangeQuery(["user", "machine"]), project_id: id };
  const tools = useRead("/api/tool-calls/stats", { ...ofTools, include_estimated: true });
  const project = stats.data?.project;
  if (stats.problem?.status === 404) return <NoProject />;
  return (
    <StatsPage
      title={
        <>
          <a href={pageAddress("/projects", { project: null })}>Projects</a> / {projectName(Number(id), project?.name)}
        </>
      }
      about={
        project?.path && (
          <>
            <code>{project.path}</code> <Erase what={{ project_id: Number(id) }} name={project.path} title={projectName(Number(id), project.name)} about={`a project, with all sessions · ${project.path}`} next={["/projects", "Go to the projects"]} />
          </>
        )
      }
      filters={["user", "machine"]}
      without="no project"
    >
      <Loaded reading={stats} what="the totals" height={188}>
        {(data) => <StatsTiles totals={data.totals} before={statsBefore(readBefore)?.totals} filter={{ project: id }} />}
      </Loaded>
      <div class="grid">
        <StatsSeries stats={stats} before={readBefore} class="two-thirds" />
        <WeekPanel stats={stats} />
        {seesTexts.value && <ProjectSessions id={id} />}
        <Panel title="Tools" about="times of all calls; ≈ where some are estimated" class="half" actions={<a href={pageAddress("/tools", { project: id })}>Errors and more</a>}>
          <Loaded reading={tools} what="the tools" height={300}>
            {(data) => <ToolTable tools={data.tools} project={id} csv={tools.address} isShort />}
          </Loaded>
        </Panel>
        {seesTextsOfCounts.value && <FilesPanel stats={stats} id={id} path={project?.path ?? null} />}
        {seesTextsOfCounts.value ? (
          <>
            <PeoplePanel stats={stats} />
            <ModelsPanel id={id} />
            <BranchesPanel id={id} />
            <OneProject id={id} />
          </>
        ) : (
          <div class="half pair">
            <PeoplePanel stats={stats} />
            <ModelsPanel id={id} />
          </div>
        )}
      </div>
    </StatsPage>
  );
}
