/** What usage is grouped by: the name of a group, and the filter that a click on it sets. */

import type { Filter } from "../../address/filters";
import type { Schemas } from "../../api/answers";
import type { MeasureName } from "../../format/measures";
import { machineName, modelName, personName, projectName } from "../../format/names";

export type Item = Schemas["UsageItem"];

export const DIMENSIONS = ["model", "project", "user", "machine"] as const;
export type Dimension = (typeof DIMENSIONS)[number];

export const MEASURES = ["cost_usd", "total_tokens", "output_tokens", "api_calls"] as const satisfies readonly MeasureName[];
export type UsageMeasure = (typeof MEASURES)[number];

interface What {
  label: string;
  filter: Filter;
  /** What the group is called in the address and in the API; null where it is not known. */
  idOf: (item: Item) => string | null;
  nameOf: (item: Item) => string;
}

export const WHAT: Record<Dimension, What> = {
  model: { label: "Model", filter: "model", idOf: (item) => item.model ?? null, nameOf: (item) => modelName(item.model) },
  project: { label: "Project", filter: "project", idOf: (item) => (item.project_id == null ? null : String(item.project_id)), nameOf: (item) => projectName(item.project_id, item.project_name) },
  user: { label: "Person", filter: "user", idOf: (item) => item.user ?? null, nameOf: (item) => personName(item.user) },
  machine: { label: "Machine", filter: "machine", idOf: (item) => item.machine_id ?? null, nameOf: (item) => machineName(item.machine_id, item.machine) },
};

/** When the item's interval begins. */
export function dateOf(item: Item): string {
  return item.day ?? item.week ?? (item.month ? `${item.month}-01` : "");
}

/** The sum of what is known; null where nothing is, so that an unknown cost does not become 0; undefined where there is nothing at all. */
export function sumOf(values: readonly (number | null | undefined)[]): number | null | undefined {
  return values.reduce<number | null | undefined>((sum, value) => (value == null ? (sum === undefined ? value : sum) : (sum ?? 0) + value), undefined);
}
