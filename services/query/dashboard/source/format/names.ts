/** Names as they are shown. A key that sees only numbers gets no name of a project: it has its number then. */

import { signal } from "@preact/signals";
import terms from "./terms";

/** claude-opus-4-5-20251101 is "opus-4-5". */
export function modelName(model: string | null | undefined): string {
  return model ? model.replace(/^claude-/, "").replace(/-\d{8}$/, "") : "unknown model";
}

/** How projects are called whose name another one has too, by id. The shell reads all projects once, and says them. */
const labels = signal<ReadonlyMap<number, string>>(new Map());

export function projectName(id: number | null | undefined, name?: string | null): string {
  return (id != null && labels.value.get(id)) || name || (id == null ? "no project" : `Project ${id}`);
}

/** The folders of projects, by id. */
const roots = signal<ReadonlyMap<number, string>>(new Map());

/** A path from the project's folder; a whole one where it is outside, or the folder is not known. */
export function pathInProject(path: string, id: number | null): string {
  const root = (id !== null && roots.value.get(id)) || "";
  const begins = path.slice(0, root.length + 1).replaceAll("\\", "/").toLowerCase();
  return root && begins === `${root.replaceAll("\\", "/").toLowerCase()}/` ? path.slice(root.length + 1) : path;
}

interface Named {
  id: number;
  name: string | null;
  path: string | null;
  /** A key that sees no paths has none: then the number tells them apart. */
  label: string | null;
}

export function labelProjects(projects: readonly Named[]): void {
  roots.value = new Map(projects.map(({ id, path }) => [id, path ?? ""]));
  const times = new Map<string | null, number>();
  for (const { name } of projects) times.set(name, (times.get(name) ?? 0) + 1);
  labels.value = new Map(projects.flatMap(({ id, name, label }) => (name && (times.get(name) ?? 0) > 1 ? [[id, label ?? `${name} #${id}`]] : [])));
}

export function personName(user: string | null | undefined): string {
  return user || "unknown person";
}

/** In the place of a session, branch or machine: those that retention has dropped. */
export const NOT_KEPT = terms.not_kept.label;

export function machineOf({ machine_id: id, machine, is_kept: isKept }: { machine_id?: string | null; machine?: string | null; is_kept?: boolean }): string {
  return isKept === false ? NOT_KEPT : machineName(id, machine);
}

export function machineName(id: string | null | undefined, name?: string | null): string {
  return name || (id ? `Machine ${id.slice(0, 8)}` : "unknown machine");
}
