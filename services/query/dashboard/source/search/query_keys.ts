/** What can be typed in a search, for help and completions. Only the server reads a query: services/query/queries/search/query_language.py. */

/** `values` are all, or usual ones. `canExclude`: a hyphen before it turns it round. */
export interface QueryKey {
  key: string;
  about: string;
  example: string;
  canExclude?: boolean;
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
const DAYS = ["today", "yesterday", "24h", "7d", "30d"];

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
];

/** A word or value as it can be typed: in quotes if it would be read as something else. */
export function quoted(text: string): string {
  return /[\s":]|^-|^or$/i.test(text) ? `"${text.replaceAll('"', "")}"` : text;
}
