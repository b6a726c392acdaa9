/** What a comparison is grouped by: the name of a group, where a click on it leads, and its measures. */

import { withParameters } from "../../address/address";
import { pageAddress, toggled } from "../../address/filters";
import type { Schemas } from "../../api/answers";
import { errorClassLabel } from "../../format/error_classes";
import type { MeasureName } from "../../format/measures";
import { NOT_KEPT, machineOf, modelName, personName, projectName } from "../../format/names";

type Change = Schemas["ChangeOfGroup"];
/** A measure of the API, and the one of the dashboard that it is. */
type Told = readonly [measure: Change["measure"], as: MeasureName];

interface Group {
  label: string;
  idOf: (change: Change) => string;
  nameOf: (change: Change) => string;
  hrefOf?: (change: Change) => string | undefined;
  /** The first is what its groups are ordered by. */
  shown: readonly [Told, ...Told[]];
}

const COST: Told = ["cost_usd", "cost_usd"];
const ACTIVE: Told = ["active_minutes", "active_minutes"];
const CALLS: Told = ["calls", "tool_calls"];

export const GROUPS = {
  project: { label: "Project", idOf: (of) => String(of.project_id), nameOf: (of) => projectName(of.project_id, of.project_name), hrefOf: (of) => toggled("project", of.project_id), shown: [COST, ACTIVE] },
  group: { label: "Group", idOf: (of) => String(of.group), nameOf: (of) => of.group ?? "no group", shown: [COST, ACTIVE] },
  repository: { label: "Repository", idOf: (of) => String(of.repository), nameOf: (of) => of.repository ?? "not known", shown: [COST, ACTIVE] },
  model: { label: "Model", idOf: (of) => String(of.model), nameOf: (of) => modelName(of.model), shown: [COST, ["total_tokens", "total_tokens"]] },
  tool: { label: "Tool", idOf: (of) => String(of.tool_name), nameOf: (of) => of.tool_name ?? "", hrefOf: (of) => pageAddress("/tools", { tool: of.tool_name ?? null }), shown: [CALLS, ["error_rate", "error_rate"]] },
  error_class: { label: "Why calls failed", idOf: (of) => String(of.error_class), nameOf: (of) => errorClassLabel(of.error_class ?? ""), hrefOf: (of) => pageAddress("/tools", { error: of.error_class ?? null }), shown: [["calls", "tool_errors"]] },
  user: { label: "Person", idOf: (of) => String(of.user), nameOf: (of) => personName(of.user), hrefOf: (of) => toggled("user", of.user), shown: [COST, ACTIVE] },
  machine: { label: "Machine", idOf: (of) => `${of.machine_id} ${of.is_kept}`, nameOf: machineOf, hrefOf: (of) => toggled("machine", of.machine_id), shown: [COST, ACTIVE] },
  branch: { label: "Branch", idOf: (of) => `${of.branch} ${of.is_kept}`, nameOf: (of) => (of.is_kept === false ? NOT_KEPT : (of.branch ?? "no branch")), shown: [COST, ACTIVE] },
} satisfies Record<string, Group>;

export type GroupName = keyof typeof GROUPS;

export function groupOf(name: GroupName): Group {
  return GROUPS[name];
}

const USUAL: readonly GroupName[] = ["project", "model", "tool", "error_class", "user"];

/** Those that `by` in the address names, in the order of the page. */
export function chosenGroups(by: string | null, names: readonly GroupName[]): readonly GroupName[] {
  const wanted = by?.split(",") ?? [];
  const found = names.filter((name) => wanted.includes(name));
  return found.length > 0 ? found : names.filter((name) => USUAL.includes(name));
}

/** The address with one group more, or less. */
export function groupAddress(name: GroupName, chosen: readonly GroupName[]): string {
  const next = chosen.includes(name) ? chosen.filter((each) => each !== name) : [...chosen, name];
  const isUsual = next.length === USUAL.length && next.every((each) => USUAL.includes(each));
  return withParameters({ by: isUsual ? null : next.join() });
}

export interface Row {
  id: string;
  first: Change;
  of: Partial<Record<Change["measure"], Change>>;
}

/** A row for each group that has anything in either range, in the order of the answer: what moved most first. */
export function rowsOf(items: readonly Change[], name: GroupName): Row[] {
  const { idOf, shown } = groupOf(name);
  const found = new Map<string, Row>();
  for (const item of items) {
    const row = found.get(idOf(item)) ?? { id: idOf(item), first: item, of: {} };
    row.of[item.measure] = item;
    found.set(row.id, row);
  }
  // A cost that is not known is something.
  return [...found.values()].filter((row) => shown.some(([measure]) => row.of[measure] && (row.of[measure].value !== 0 || row.of[measure].before !== 0)));
}
