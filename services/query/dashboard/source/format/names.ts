/** Names as they are shown. A key that sees only numbers gets no name of a project: it has its number then. */

/** claude-opus-4-5-20251101 is "opus-4-5". */
export function modelName(model: string | null | undefined): string {
  return model ? model.replace(/^claude-/, "").replace(/-\d{8}$/, "") : "unknown model";
}

export function projectName(id: number | null | undefined, name?: string | null): string {
  return name || (id == null ? "no project" : `Project ${id}`);
}

export function personName(user: string | null | undefined): string {
  return user || "unknown person";
}

export function machineName(id: string | null | undefined, name?: string | null): string {
  return name || (id ? `Machine ${id.slice(0, 8)}` : "unknown machine");
}
