/** Where the money went: the cost of the range as areas, beside a table of the same. A click looks into one. */

import { choiceOf, choose } from "../../address/choice";
import { chosen, pageAddress, rangeQuery, toggled } from "../../address/filters";
import type { Answer, Parameters, Schemas } from "../../api/answers";
import { seesTexts } from "../../api/identity";
import { useRead } from "../../api/use_read";
import { measure } from "../../format/measures";
import { projectName } from "../../format/names";
import { count, minutes, percent } from "../../format/quantities";
import terms from "../../format/terms";
import { Treemap } from "../../parts/charts/treemap";
import { Loaded, Panel } from "../../parts/panel";
import { COST_PARTS } from "../../parts/stats/cost_parts";
import { Switch } from "../../parts/switch";
import { Table } from "../../parts/tables/table";
import { WHAT } from "./dimensions";
import { type Counts, MOST, type Part, tilesOf } from "./tiles";

type Work = Answer<"/api/work">;
type Data = Answer<"/api/usage"> | Answer<"/api/sessions"> | Work;

const SPLITS = { project: "Projects", session: "Sessions", model: "Models", month: "What for", branch: "Branches", commit: "Commits", pull_request: "Pull requests", issue: "Issues" };
type Split = keyof typeof SPLITS;
/** Things that work led to, and the words for work that led to none. */
const WORK: Partial<Record<Split, string>> = terms.without;

const COUNTS = [
  ["Active time", "active_minutes", minutes],
  ["Turns", "turns", count],
  ["Sessions", "sessions", count],
] as const;
const HEIGHT = 330;

export function MoneyPanel({ query, totals }: { query: Parameters; totals: Schemas["UsageMeasures"] | undefined }) {
  const { project, model } = chosen.value;
  // Sessions and work have the cost of all models together.
  const splits = (Object.keys(SPLITS) as Split[]).filter((each) => (each === "project" ? !project : each === "month" || (!model && (each === "model" || seesTexts.value))));
  const split = choiceOf("split", splits);
  const found = useRead<"/api/usage" | "/api/sessions" | "/api/work">(
    split === "session" ? "/api/sessions" : WORK[split] ? "/api/work" : "/api/usage",
    split === "session" ? { ...rangeQuery(), by: "active", include_share: true, sort: "cost_usd", limit: MOST } : { ...query, group_by: split, include_cost_parts: split === "month" || null, limit: WORK[split] && MOST - 1 },
  );
  return (
    <Panel
      title="Where the money went"
      actions={<Switch label="Split by" options={splits.map((value) => ({ value, label: SPLITS[value] }))} value={split} onChange={(value) => choose("split", value, splits)} />}
    >
      <Loaded reading={found} what="the cost" height={HEIGHT}>
        {(data) => totals && <Money data={data} whole={("totals" in data ? data : { totals }).totals.cost_usd} sessions={totals.active_sessions} csv={found.address} />}
      </Loaded>
    </Panel>
  );
}

function Money({ data, whole, sessions, csv }: { data: Data; whole: number | null; sessions: number; csv: string | null }) {
  const { exact, label, definition } = measure("cost_usd");
  if (!whole) return <p class="quiet">No call in these days has a known price.</p>;
  const parts = partsOf(data);
  const isWork = "without" in data;
  const tiles = tilesOf(parts, whole, { all: isWork ? parts.length + data.left_out : "totals" in data ? undefined : sessions, of: isWork ? data.others : undefined, href: dearestSessions() });
  return (
    <div class="money">
      <Treemap label="Where the money went" tiles={[...tiles].sort((a, b) => b.value - a.value).map((tile) => ({ ...tile, text: `${exact(tile.value)} · ${percent(tile.value / whole)}` }))} />
      <div class="chart-table">
        <Table
          caption="Parts of the cost"
          rows={tiles}
          keyOf={(tile) => tile.key}
          csv={csv}
          columns={[
            {
              title: "For",
              cell: (tile) => (
                <>
                  <i class="legend-mark" style={{ background: `var(${tile.color})` }} /> {tile.href ? <a href={tile.href}>{tile.label}</a> : tile.label}
                </>
              ),
              total: "All",
            },
            { title: <span title={definition}>{label}</span>, isNumber: true, cell: (tile) => exact(tile.value), total: exact(whole) },
            { title: "Share", isNumber: true, cell: (tile) => percent(tile.value / whole), total: "" },
            ...(isWork ? COUNTS : []).map(([title, name, written]) => ({
              title,
              isNumber: true,
              isMinor: name !== "active_minutes",
              cell: ({ of }: Counts) => written(of?.[name]),
              total: isWork && written(data.totals[name]),
            })),
          ]}
        />
      </div>
    </div>
  );
}

/** The parts of the cost that an answer has. One of an earlier address may be of another kind than what is asked for now. */
function partsOf(data: Data): Part[] {
  if ("without" in data) {
    const { group_by: split, items, without } = data;
    return [...items.map((item, index) => ({ key: String(index), ...nameOfWork(item), value: item.cost_usd, of: item })), { key: "without", label: WORK[split] ?? "", value: without.cost_usd, color: "--series-6", href: dearestSessions(), of: without }];
  }
  if ("totals" in data) {
    const { cost_parts: parts, group_by: split, items } = data;
    if (parts) return COST_PARTS.map(({ name, color }) => ({ key: name, label: terms.cost_parts[name].label, value: parts[name], color, href: dearestSessions() }));
    const { idOf, nameOf, filter } = WHAT[split === "model" ? split : "project"];
    return items.map((item) => ({ key: idOf(item) ?? "", label: nameOf(item), value: item.cost_usd, href: toggled(filter, idOf(item)) }));
  }
  return data.items.map(({ session_id: id, title, share }) => ({ key: id, label: title ?? "Without a title", value: share?.cost_usd ?? null, href: `/sessions/${encodeURIComponent(id)}` }));
}

function nameOfWork({ branch, issue, subject, commit, pull_request: request, project_id: id, project_name: project, session_id: session }: Work["items"][number]): Pick<Part, "label" | "href"> {
  const name = projectName(id, project);
  if (branch) return { label: `${branch} · ${name}`, href: pageAddress("/sessions", { branch }) };
  if (request) return { label: request.replace(/^https?:..[^/]+./, ""), href: pageAddress("/sessions", { contains: request }) };
  return { label: issue ? `${issue} · ${name}` : `${subject} ${commit ?? ""}`, href: `/sessions/${encodeURIComponent(session)}` };
}

function dearestSessions(): string | undefined {
  return seesTexts.value ? pageAddress("/sessions", { sort: "cost_usd" }) : undefined;
}
