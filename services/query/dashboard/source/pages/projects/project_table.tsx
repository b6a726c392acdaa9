/** Projects with their numbers, to be sorted by each; a row leads to its project. */

import { pageAddress } from "../../address/filters";
import type { Schemas } from "../../api/answers";
import { daysBetween } from "../../format/days";
import { type MeasureName, measure } from "../../format/measures";
import { projectName } from "../../format/names";
import { moneyOf, percent } from "../../format/quantities";
import { type SortableColumn, SortableTable } from "../../parts/tables/sorting";
import { Sparkline } from "../../parts/charts/sparkline";
import { Time } from "../../parts/time";

type Item = Schemas["UsageItem"];
type Summed = "active_sessions" | "active_minutes" | "tool_calls" | "lines_added" | "total_tokens" | "cost_usd";

const LONG_PATH = 34;
const MINOR: readonly Summed[] = ["tool_calls", "lines_added", "total_tokens"];

interface Props {
  items: readonly Item[];
  totals: Schemas["UsageMeasures"];
  /** Items of each interval and project. */
  trend: readonly Item[];
  interval: "day" | "week" | "month";
  projects: readonly Schemas["Project"][];
  /** The address of the sums. */
  csv: string | null;
}

export function ProjectTable({ items, totals, trend, interval, projects, csv }: Props) {
  const known = new Map(projects.map((project) => [project.id, project]));
  const trends = trendsOf(trend, interval);
  const written = (name: Summed, of: Item | typeof totals) => {
    const value = moneyOf(of[name], of);
    return <span title={value === undefined ? "no calls" : measure(name).exact(value)}>{measure(name).cell(value)}</span>;
  };
  const sum = (name: Summed): SortableColumn<Item> => ({
    name,
    title: <span title={measure(name satisfies MeasureName).definition}>{measure(name).label}</span>,
    cell: (item) => written(name, item),
    sortBy: (item) => item[name],
    total: written(name, totals),
    isNumber: true,
    isMinor: MINOR.includes(name),
  });
  const columns: SortableColumn<Item>[] = [
    {
      name: "project",
      title: "Project",
      isText: true,
      sortBy: (item) => projectName(item.project_id, item.project_name).toLowerCase(),
      cell: (item) => (
        <span class="project-name">
          {item.project_id == null ? "no project" : <a href={pageAddress(`/projects/${item.project_id}`, { project: null })} data-item>{projectName(item.project_id, item.project_name)}</a>}
          <ProjectPath path={known.get(item.project_id ?? -1)?.path} />
        </span>
      ),
      total: "All",
    },
    ...(projects.some((project) => project.group)
      ? [{ name: "group", title: "Group", isText: true, isMinor: true, cell: (item: Item) => known.get(item.project_id ?? -1)?.group, sortBy: (item: Item) => known.get(item.project_id ?? -1)?.group ?? null, total: "" }]
      : []),
    sum("active_sessions"),
    sum("active_minutes"),
    sum("tool_calls"),
    {
      name: "rate",
      title: <span title={measure("error_rate").definition}>Error rate</span>,
      cell: (item) => percent(errorRate(item)),
      sortBy: errorRate,
      total: percent(errorRate(totals)),
      isNumber: true,
      isMinor: true,
    },
    sum("lines_added"),
    sum("total_tokens"),
    sum("cost_usd"),
    ...(projects.length > 0
      ? [
          {
            name: "last",
            title: <span title="When its newest session began, also outside of this range.">Last session</span>,
            cell: (item: Item) => <Time at={known.get(item.project_id ?? -1)?.last_session} />,
            sortBy: (item: Item) => known.get(item.project_id ?? -1)?.last_session ?? null,
            total: "",
            isNumber: true,
            isMinor: true,
          },
        ]
      : []),
    {
      name: "trend",
      title: <span title={`Active time by ${interval}, each project to its own scale.`}>Trend</span>,
      cell: (item) => <Sparkline values={trends.get(item.project_id ?? null) ?? []} label={`Active time by ${interval}`} />,
      total: "",
      isMinor: true,
    },
  ];
  if (items.length === 0) return <p class="quiet">No project was active in this range.</p>;
  return <SortableTable caption="Projects" columns={columns} rows={items} keyOf={(item) => item.project_id ?? "none"} usual="active_minutes" csv={csv} />;
}

/** The end of a long path: its beginning is the same for most. */
function ProjectPath({ path }: { path: string | null | undefined }) {
  if (!path) return null;
  const end = path.slice(-LONG_PATH);
  const shown = path.length <= LONG_PATH ? path : `…${end.slice(Math.max(0, end.search(/[\\/]/)))}`;
  return (
    <span class="project-path" title={path}>
      {shown}
    </span>
  );
}

function errorRate(of: { tool_calls: number; tool_errors: number }): number | null {
  return of.tool_calls ? of.tool_errors / of.tool_calls : null;
}

/** By project, its active time in each interval from the first that has any project to the last. */
function trendsOf(items: readonly Item[], interval: Props["interval"]): Map<number | null, number[]> {
  const dates = items.flatMap((item) => item.day ?? item.week ?? item.month ?? []).sort();
  const [first, last] = [dates[0], dates.at(-1)];
  const found = new Map<number | null, number[]>();
  if (!first || !last) return found;
  const placeOf = (date: string) => {
    if (interval === "month") return (Number(date.slice(0, 4)) - Number(first.slice(0, 4))) * 12 + Number(date.slice(5, 7)) - Number(first.slice(5, 7));
    return Math.round(daysBetween(first, date) / (interval === "week" ? 7 : 1));
  };
  const length = placeOf(last) + 1;
  for (const item of items) {
    const date = item.day ?? item.week ?? item.month;
    if (!date) continue;
    const id = item.project_id ?? null;
    const values = found.get(id) ?? new Array<number>(length).fill(0);
    values[placeOf(date)] = item.active_minutes;
    found.set(id, values);
  }
  return found;
}
