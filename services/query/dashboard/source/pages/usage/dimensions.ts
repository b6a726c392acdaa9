/** What usage is grouped by: the name of a group, and the filter that a click on it sets. */

import type { Filter } from "../../address/filters";
import type { Schemas } from "../../api/answers";
import type { MeasureName } from "../../format/measures";
import { NOT_KEPT, machineOf, modelName, personName, projectName } from "../../format/names";

export type Item = Schemas["UsageItem"];

export const DIMENSIONS = ["model", "project", "user", "machine"] as const;
export type Dimension = (typeof DIMENSIONS)[number];
/** People and the models that each used. The API has no course of both. */
export const PAIRS = "user,model";

export const MEASURES = ["cost_usd", "total_tokens", "output_tokens", "api_calls"] as const satisfies readonly MeasureName[];
export type UsageMeasure = (typeof MEASURES)[number];

interface What {
  label: string;
  filter: Filter;
  /** Tells the groups apart; null where it is not known. */
  idOf: (item: Item) => string | null;
  /** What the filter is set to, where that is not the id. */
  filteredBy?: (item: Item) => string | null;
  nameOf: (item: Item) => string;
}

export const WHAT: Record<Dimension | typeof PAIRS, What> = {
  model: { label: "Model", filter: "model", idOf: (item) => item.model ?? null, nameOf: (item) => modelName(item.model) },
  project: { label: "Project", filter: "project", idOf: (item) => (item.project_id == null ? null : String(item.project_id)), nameOf: (item) => projectName(item.project_id, item.project_name) },
  user: { label: "Person", filter: "user", idOf: (item) => item.user ?? null, nameOf: (item) => personName(item.user) },
  [PAIRS]: {
    label: "Person and model",
    filter: "user",
    idOf: (item) => `${item.user} ${item.model}`,
    filteredBy: (item) => item.user ?? null,
    nameOf: (item) => `${personName(item.user)}, ${modelName(item.model)}`,
  },
  machine: { label: "Machine", filter: "machine", idOf: (item) => (item.is_kept === false ? NOT_KEPT : (item.machine_id ?? null)), filteredBy: (item) => item.machine_id ?? null, nameOf: machineOf },
};

/** When the item's interval begins. */
export function dateOf(item: Item): string {
  return item.day ?? item.week ?? (item.month ? `${item.month}-01` : "");
}

/** The sum of what is known; null where nothing is, so that an unknown cost does not become 0; undefined where there is nothing at all. */
export function sumOf(values: readonly (number | null | undefined)[]): number | null | undefined {
  return values.reduce<number | null | undefined>((sum, value) => (value == null ? (sum === undefined ? value : sum) : (sum ?? 0) + value), undefined);
}
