/** Names as they are shown. A key that sees only numbers gets no name of a project: it has its number then. */

import { signal } from "@preact/signals";

/** claude-opus-4-5-20251101 is "opus-4-5". */
export function modelName(model: string | null | undefined): string {
  return model ? model.replace(/^claude-/, "").replace(/-\d{8}$/, "") : "unknown model";
}

/** Names that several projects have, such as "cli". They are shown with the number of the project. The filter bar reads all projects, and says them. */
export const repeatedNames = signal<ReadonlySet<string>>(new Set());

export function projectName(id: number | null | undefined, name?: string | null): string {
  if (name && repeatedNames.value.has(name)) return `${name} #${id}`;
  return name || (id == null ? "no project" : `Project ${id}`);
}

export function findRepeatedNames(names: readonly (string | null | undefined)[]): void {
  const seen = new Set<string>();
  const repeated = new Set<string>();
  for (const name of names) {
    if (!name) continue;
    if (seen.has(name)) repeated.add(name);
    seen.add(name);
  }
  repeatedNames.value = repeated;
}

export function personName(user: string | null | undefined): string {
  return user || "unknown person";
}

export function machineName(id: string | null | undefined, name?: string | null): string {
  return name || (id ? `Machine ${id.slice(0, 8)}` : "unknown machine");
}
