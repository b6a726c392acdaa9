/** Where the money went: the cost of the range as areas, beside a table of the same. A click looks into one. */

import { withParameters } from "../../address/address";
import { choiceOf, choose } from "../../address/choice";
import { chosen, pageAddress, rangeQuery, toggled } from "../../address/filters";
import type { Answer, Parameters, Schemas } from "../../api/answers";
import { seesTexts } from "../../api/identity";
import { useRead } from "../../api/use_read";
import { measure } from "../../format/measures";
import { modelName, projectName } from "../../format/names";
import { percent } from "../../format/quantities";
import terms from "../../format/terms";
import { Treemap } from "../../parts/charts/treemap";
import { Loaded, Panel } from "../../parts/panel";
import { COST_PARTS } from "../../parts/stats/cost_parts";
import { Switch } from "../../parts/switch";
import { Table } from "../../parts/tables/table";
import { MOST, type Part, tilesOf } from "./tiles";

type Data = Answer<"/api/usage"> | Answer<"/api/sessions">;
type Totals = Schemas["UsageMeasures"];

const SPLITS = { project: "Projects", session: "Sessions", model: "Models", month: "What for" };
type Split = keyof typeof SPLITS;

const HEIGHT = 330;

export function MoneyPanel({ query, totals }: { query: Parameters; totals: Totals | undefined }) {
  const { project, model } = chosen.value;
  // A session has its cost of all models together.
  const isOffered = { project: !project, session: !model && seesTexts.value, model: !model, month: true };
  const splits = (Object.keys(SPLITS) as Split[]).filter((each) => isOffered[each]);
  const split = choiceOf("split", splits);
  const found = useRead<"/api/usage" | "/api/sessions">(
    split === "session" ? "/api/sessions" : "/api/usage",
    split === "session" ? { ...rangeQuery(), by: "active", include_share: true, sort: "cost_usd", limit: MOST } : { ...query, group_by: split, include_cost_parts: split === "month" || null },
  );
  return (
    <Panel
      title="Where the money went"
      about={
        <>
          {project && <a href={withParameters({ project: null })}>← all projects</a>} {model && <a href={withParameters({ model: null })}>← all models</a>}
        </>
      }
      actions={<Switch label="Split by" options={splits.map((value) => ({ value, label: SPLITS[value] }))} value={split} onChange={(value) => choose("split", value, splits)} />}
    >
      <Loaded reading={found} what="the cost" height={HEIGHT}>
        {(data) => totals && <Money data={data} totals={"totals" in data ? data.totals : totals} csv={found.address} />}
      </Loaded>
    </Panel>
  );
}

function Money({ data, totals, csv }: { data: Data; totals: Totals; csv: string | null }) {
  const { exact, label, definition } = measure("cost_usd");
  const whole = totals.cost_usd;
  if (!whole) return <p class="quiet">No call in these days has a known price.</p>;
  const tiles = tilesOf(partsOf(data), whole, "active_sessions" in totals && !("totals" in data) ? totals.active_sessions : undefined, dearestSessions());
  return (
    <div class="money">
      <Treemap label="Where the money went" tiles={tiles.map((tile) => ({ ...tile, text: `${exact(tile.value)} · ${percent(tile.value / whole)}` }))} />
      <Table
        caption="Where the money went"
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
        ]}
      />
    </div>
  );
}

/** The parts of the cost that an answer has. One of an earlier address may be of another kind than what is asked for now. */
function partsOf(data: Data): Part[] {
  if ("totals" in data) {
    const { cost_parts: parts, group_by: split, items } = data;
    if (parts) return COST_PARTS.map(({ name, color }) => ({ key: name, label: terms.cost_parts[name].label, value: parts[name], color, href: dearestSessions() }));
    return items.map((item) =>
      split === "model"
        ? { key: item.model ?? "", label: modelName(item.model), value: item.cost_usd, href: toggled("model", item.model) }
        : { key: String(item.project_id), label: projectName(item.project_id, item.project_name), value: item.cost_usd, href: toggled("project", item.project_id) },
    );
  }
  return data.items.map(({ session_id: id, title, share }) => ({ key: id, label: title ?? "Without a title", value: share?.cost_usd ?? null, href: `/sessions/${encodeURIComponent(id)}` }));
}

function dearestSessions(): string | undefined {
  return seesTexts.value ? pageAddress("/sessions", { sort: "cost_usd" }) : undefined;
}
