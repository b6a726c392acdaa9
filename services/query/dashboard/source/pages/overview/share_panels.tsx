/** What the range was spent on: projects, models, people, machines, tools. A click filters by one, a click on the chosen one lets go of it. */

import { choiceOf, choose } from "../../address/choice";
import { chosen, pageAddress, rangeQuery, toggled } from "../../address/filters";
import type { Schemas } from "../../api/answers";
import { seesNames } from "../../api/identity";
import { type Reading, useRead } from "../../api/use_read";
import { type MeasureName, measure } from "../../format/measures";
import { machineOf, modelName, personName, projectName } from "../../format/names";
import { count, moneyOf, percent } from "../../format/quantities";
import { Bars } from "../../parts/charts/bar_list";
import { useMachines } from "../../parts/filters/filter_bar";
import { Loaded, Panel } from "../../parts/panel";
import { Switch } from "../../parts/switch";

const HEIGHT = 260;
const ACTIVITY = ["active_minutes", "cost_usd", "active_sessions"] as const satisfies readonly MeasureName[];
const CALLS = ["cost_usd", "total_tokens", "api_calls"] as const satisfies readonly MeasureName[];
const OTHERS = ["people", "machines", "tools"] as const;

const SHORT: Partial<Record<MeasureName, string>> = { active_minutes: "Time", api_calls: "Calls" };

function MeasureSwitch<T extends MeasureName>({ name, options, label }: { name: string; options: readonly T[]; label: string }) {
  return (
    <Switch label={label} options={options.map((value) => ({ value, label: SHORT[value] ?? measure(value).label }))} value={choiceOf(name, options)} onChange={(value) => choose(name, value, options)} />
  );
}

export function ProjectsPanel() {
  const usage = useRead("/api/usage", { ...rangeQuery(), group_by: "project" });
  const name = choiceOf("projects", ACTIVITY);
  return (
    <Panel title="Projects" class="third" actions={<MeasureSwitch name="projects" options={ACTIVITY} label="Number of the projects" />}>
      <Loaded reading={usage} what="the projects" height={HEIGHT}>
        {(data) => (
          <Bars
            label={`Projects by ${measure(name).label}`}
            bars={data.items.map((item) => ({
              key: item.project_id ?? "none",
              label: projectName(item.project_id, item.project_name),
              value: item[name],
              text: measure(name).short(item[name]),
              href: toggled("project", item.project_id),
              isChosen: String(item.project_id) === chosen.value.project,
            }))}
            more={seesNames.value ? { href: pageAddress("/projects"), of: "projects" } : undefined}
          />
        )}
      </Loaded>
    </Panel>
  );
}

/** Activity has no model, so the overview cannot be filtered by one: its bars lead to the usage of the model. */
export function ModelsPanel() {
  const usage = useRead("/api/usage", { ...rangeQuery(), group_by: "model" });
  const name = choiceOf("models", CALLS);
  return (
    <Panel title="Models" class="third" actions={<MeasureSwitch name="models" options={CALLS} label="Number of the models" />}>
      <Loaded reading={usage} what="the models" height={HEIGHT}>
        {(data) => (
          <Bars
            label={`Models by ${measure(name).label}`}
            bars={data.items.map((item) => ({
              key: item.model ?? "none",
              label: modelName(item.model),
              title: item.model ? `Usage of ${item.model}` : "",
              value: item[name],
              text: measure(name).short(item[name]),
              href: item.model ? pageAddress("/usage", { model: item.model }) : undefined,
            }))}
            more={{ href: pageAddress("/usage", { by: null }), of: "models" }}
          />
        )}
      </Loaded>
    </Panel>
  );
}

export function OthersPanel({ stats }: { stats: Reading<Schemas["Stats"]> }) {
  // The filter bar reads the same two answers.
  const users = useRead("/api/usage", { group_by: "user" }).data?.items.filter((item) => item.user).length ?? 0;
  const machines = useMachines().length;
  const shown = OTHERS.filter((each) => (each === "people" ? users > 0 : each === "machines" ? machines > 0 : true));
  const kind = choiceOf("who", shown);
  const labels = { people: "People", machines: "Machines", tools: "Tools" };
  const actions = shown.length > 1 && <Switch label="What is listed" options={shown.map((value) => ({ value, label: labels[value] }))} value={kind} onChange={(value) => choose("who", value, shown)} />;
  return (
    <Panel title={labels[kind]} about={kind === "tools" ? "calls, and the share that failed" : "active time"} class="third" actions={actions}>
      {kind === "machines" ? (
        <Machines />
      ) : (
        <Loaded reading={stats} what={kind} height={HEIGHT}>
          {(data) => (kind === "people" ? <People users={data.users} /> : <Tools tools={data.tools} />)}
        </Loaded>
      )}
    </Panel>
  );
}

function People({ users }: { users: readonly Schemas["UserShare"][] }) {
  const { short, exact } = measure("active_minutes");
  return (
    <Bars
      label="People by active time"
      bars={users.map((user) => ({
        key: user.user ?? "none",
        label: personName(user.user),
        title: `${exact(user.active_minutes)}, ${count(user.active_sessions)} sessions, ${measure("cost_usd").exact(moneyOf(user.cost_usd, user))}`,
        value: user.active_minutes,
        text: short(user.active_minutes),
        href: toggled("user", user.user),
        isChosen: user.user !== null && user.user === chosen.value.user,
      }))}
      more={{ href: pageAddress("/usage", { by: "user" }), of: "people" }}
    />
  );
}

function Machines() {
  const usage = useRead("/api/usage", { ...rangeQuery(), group_by: "machine" });
  const { short } = measure("active_minutes");
  return (
    <Loaded reading={usage} what="the machines" height={HEIGHT}>
      {(data) => (
        <Bars
          label="Machines by active time"
          bars={data.items.map((item) => ({
            key: item.machine_id ?? String(item.is_kept),
            label: machineOf(item),
            value: item.active_minutes,
            text: short(item.active_minutes),
            href: toggled("machine", item.machine_id),
            isChosen: item.machine_id != null && item.machine_id === chosen.value.machine,
          }))}
        />
      )}
    </Loaded>
  );
}

function Tools({ tools }: { tools: readonly Schemas["Tool"][] }) {
  return (
    <Bars
      label="Tools by calls"
      bars={tools.map((tool) => ({
        key: tool.tool_name,
        label: tool.tool_name,
        title: `${count(tool.errors)} of ${count(tool.calls)} calls failed`,
        value: tool.calls,
        text: `${count(tool.calls)} · ${percent(tool.error_rate)}`,
        href: pageAddress("/tools", { tool: tool.tool_name }),
      }))}
      more={{ href: pageAddress("/tools"), of: "tools" }}
    />
  );
}
