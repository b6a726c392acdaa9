/** The query language as the person types it: its filters, what can be completed, and changes of single filters. */

export interface QueryKey {
  key: string;
  /** What it narrows to, in a few words. */
  about: string;
  example: string;
  /** Whether a hyphen before it turns it round. */
  canExclude?: boolean;
  /** All values, or usual ones. */
  values?: readonly string[];
}

/** The kinds of what is found, as `kind=` takes them. */
export const KINDS = [
  { value: "message", label: "Messages" },
  { value: "tool_call", label: "Tool calls" },
  { value: "command", label: "Commands" },
  { value: "input", label: "Inputs" },
  { value: "result", label: "Results" },
  { value: "file", label: "Files" },
  { value: "session", label: "Titles, notes, tags" },
  { value: "timeline_entry", label: "Other events" },
] as const;

export type Kind = (typeof KINDS)[number]["value"];

const DAYS = ["today", "yesterday", "24h", "7d", "30d"] as const;

/** As services/query/queries/search/query_language.py reads them. */
export const QUERY_KEYS: readonly QueryKey[] = [
  { key: "project", about: "a project: its name, the end of its path, or its id", example: "project:shop", canExclude: true },
  { key: "user", about: "a person", example: "user:ann", canExclude: true },
  { key: "tool", about: "calls of a tool", example: "tool:Bash", canExclude: true },
  { key: "file", about: "paths with this text, and calls that were given such a path", example: "file:client.py" },
  { key: "branch", about: "a branch", example: "branch:main" },
  { key: "role", about: "what a person said, or Claude", example: "role:user", values: ["user", "assistant"] },
  { key: "is", about: "failed calls; sessions with a star", example: "is:error", canExclude: true, values: ["error", "starred"] },
  { key: "before", about: "before a day", example: "before:2026-01-15", values: DAYS },
  { key: "after", about: "from a day on", example: "after:7d", values: DAYS },
  { key: "kind", about: "one kind", example: "kind:command", values: KINDS.map((kind) => kind.value) },
  { key: "machine", about: "a machine", example: "machine:laptop" },
  { key: "session", about: "a session", example: "session:ID" },
  { key: "agent", about: "a subagent", example: "agent:ID" },
];

export const WORD_EXAMPLES = [
  { example: "retry upload", about: "both words, in any order; the last may be unfinished" },
  { example: '"retry the upload"', about: "these words as they stand" },
  { example: "retry -test", about: 'without the second; -"a phrase" too' },
  { example: "retry or callback", about: "one of them" },
] as const;

const FILTER = /(-(?![-=>]))?([A-Za-z]+):(?!\/\/)(?:"([^"]*)"?|([^\s"]\S*))/g;

/** The filters that are typed in a query of words, by name. */
export function typedFilters(q: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const [, hyphen, name, quoted, plain] of outsidePhrases(q).matchAll(FILTER)) {
    const key = (name ?? "").toLowerCase();
    if (!hyphen && QUERY_KEYS.some((each) => each.key === key)) found.set(key, quoted ?? plain ?? "");
  }
  return found;
}

/** The query without this filter. */
export function withoutFilter(q: string, key: string): string {
  return q.replace(new RegExp(`(^|\\s)${key}:(?:"[^"]*"?|\\S+)`, "gi"), "$1").replace(/\s+/g, " ").trim();
}

/** What finds the same texts in their own session. */
export function withinSession(q: string): string {
  return withoutFilter(q.trim(), "session");
}

/** The words as alternatives: what finds each of the texts that have one of them. */
export function oneOf(alternatives: readonly (readonly Readonly<Record<string, unknown>>[])[]): string {
  const words = alternatives.flat().filter((term) => !term["is_excluded"]);
  return words.map((term) => (term["kind"] === "phrase" ? `"${String(term["text"])}"` : String(term["text"]))).join(" or ");
}

/** A phrase may have `project:` in it, and that is text then. The value of a filter may be quoted. */
function outsidePhrases(q: string): string {
  return q.replace(/(^|\s)-?"[^"]*"?/g, "$1");
}

export function quoted(value: string): string {
  return /[\s"]/.test(value) ? `"${value.replaceAll('"', "")}"` : value;
}

export interface Completion {
  /** What is shown. */
  label: string;
  about?: string;
  /** The query with it. */
  q: string;
}

/** The last word of a query, if it may become a filter. */
export function unfinished(q: string): { start: string; hyphen: string; key: string; value: string | null } | null {
  const found = /^(.*(?:^|\s))?(-?)([A-Za-z]+)(?::("?[^"]*))?$/s.exec(q);
  if (!found) return null;
  const value = found[4] ?? null;
  if (value !== null && !value.startsWith('"') && /\s/.test(value)) return null;
  return { start: found[1] ?? "", hyphen: found[2] ?? "", key: (found[3] ?? "").toLowerCase(), value: value?.replace(/^"/, "") ?? null };
}

const MOST_COMPLETIONS = 8;
const LEAST_LETTERS = 2;

/** Keys for a word that begins like one; values behind `key:`. `valuesOf` has those that the tracker knows. */
export function completionsOf(q: string, valuesOf: (key: string) => readonly string[]): Completion[] {
  const last = unfinished(q);
  if (!last) return [];
  if (last.value === null) {
    if (last.key.length < LEAST_LETTERS) return [];
    return QUERY_KEYS.filter((each) => each.key.startsWith(last.key) && (!last.hyphen || each.canExclude)).map((each) => ({
      label: `${last.hyphen}${each.key}:`,
      about: each.about,
      q: `${last.start}${last.hyphen}${each.key}:`,
    }));
  }
  const known = QUERY_KEYS.find((each) => each.key === last.key);
  if (!known) return [];
  const typed = last.value.toLowerCase();
  return (known.values ?? valuesOf(known.key))
    .filter((value) => value.toLowerCase().includes(typed) && value.toLowerCase() !== typed)
    .sort((a, b) => Number(b.toLowerCase().startsWith(typed)) - Number(a.toLowerCase().startsWith(typed)))
    .slice(0, MOST_COMPLETIONS)
    .map((value) => ({ label: `${last.hyphen}${known.key}:${quoted(value)}`, q: `${last.start}${last.hyphen}${known.key}:${quoted(value)} ` }));
}
