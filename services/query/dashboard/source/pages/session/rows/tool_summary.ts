/** What a tool call did, in one line: the command, the path, the pattern. */

import type { Call } from "./rows";

export interface Summary {
  /** As people know the tool: "github: create_issue" for one of an MCP server. */
  tool: string;
  what: string;
  /** Whether `what` is a command or a path, and stands in a fixed width. */
  isCode: boolean;
  /** What the call itself says that it is for. */
  about: string | null;
}

type Parameters = Record<string, unknown>;

const PATHS = ["file_path", "notebook_path", "path"];
const FIRST = ["command", "pattern", "query", "url", "skill", "description", "title", "prompt", "subject", "name", "message", "task_id", "shell_id", "bash_id"];

export function summaryOf(call: Pick<Call, "tool_name" | "parameters">, projectPath: string | null): Summary {
  const parameters = isObject(call.parameters) ? call.parameters : {};
  const text = (name: string) => (typeof parameters[name] === "string" ? (parameters[name] as string) : null);
  const about = text("description");
  const path = PATHS.map(text).find((value) => value);
  const base = { tool: toolLabel(call.tool_name), about: null, isCode: true };
  switch (call.tool_name) {
    case "Bash":
    case "PowerShell":
      return { ...base, what: firstLine(text("command") ?? ""), about };
    case "Grep":
    case "Glob":
      return { ...base, what: [text("pattern"), text("path") && `in ${within(text("path") as string, projectPath)}`, text("glob")].filter(Boolean).join("  ") };
    case "Agent":
    case "Task":
      return { ...base, isCode: false, what: [text("subagent_type"), about].filter(Boolean).join(": ") };
    case "TodoWrite":
      return { ...base, isCode: false, what: todos(parameters.todos) };
    case "AskUserQuestion":
      return { ...base, isCode: false, what: firstQuestion(parameters.questions) };
  }
  if (path) return { ...base, what: within(path, projectPath) };
  const named = FIRST.map(text).find((value) => value) ?? Object.values(parameters).find((value): value is string => typeof value === "string" && value !== "");
  return { ...base, isCode: named !== about, what: firstLine(named ?? "") };
}

export function toolLabel(name: string): string {
  const server = /^mcp__(.+?)__(.+)$/.exec(name);
  return server ? `${server[1]}: ${server[2]}` : name;
}

/** A path as it stands in the project, where it is in it; Windows writes it in two ways. */
export function within(path: string, projectPath: string | null): string {
  if (!projectPath) return path;
  const folder = `${projectPath.replaceAll("\\", "/").replace(/\/+$/, "")}/`;
  const plain = path.replaceAll("\\", "/");
  return plain.toLowerCase().startsWith(folder.toLowerCase()) && plain.length > folder.length ? plain.slice(folder.length) : path;
}

function isObject(value: unknown): value is Parameters {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function firstLine(text: string): string {
  const trimmed = text.trim();
  const end = trimmed.indexOf("\n");
  return (end < 0 ? trimmed : `${trimmed.slice(0, end)} …`).slice(0, 400);
}

function todos(value: unknown): string {
  if (!Array.isArray(value)) return "";
  const done = value.filter((todo) => todo?.status === "completed").length;
  const current = value.find((todo) => todo?.status === "in_progress");
  return `${done} of ${value.length} done${typeof current?.content === "string" ? `, now: ${current.content}` : ""}`;
}

function firstQuestion(value: unknown): string {
  const question = Array.isArray(value) ? value[0]?.question : null;
  return typeof question === "string" ? firstLine(question) : "";
}
