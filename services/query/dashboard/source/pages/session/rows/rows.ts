/** What stands on the screen, line by line: made of the timeline's items and of what is unfolded. */

import type { Problem } from "../../../api/request";
import { dayAt } from "../../../format/times";
import type { Item, ItemOf } from "../timeline/timeline_store";

export type Call = ItemOf<"tool_call">;
export type Separator = ItemOf<"idle_gap"> | ItemOf<"model_switch">;
export type Entry = Exclude<Item, ItemOf<"message"> | Call | ItemOf<"file_change"> | ItemOf<"subagent"> | Separator>;

export type Row = { key: string; depth: number } & (
  | { kind: "message"; item: ItemOf<"message"> }
  | { kind: "run"; calls: Call[]; isOpen: boolean; hidden: number }
  | { kind: "call"; item: Call }
  | { kind: "change"; item: ItemOf<"file_change"> }
  | { kind: "subagent"; item: ItemOf<"subagent"> }
  | { kind: "entry"; item: Entry }
  | { kind: "separator"; item: Separator; worked: boolean }
  | { kind: "day"; item: Item }
  | { kind: "thread_end"; agentId: string }
);

/** A subagent's own timeline, as far as it is loaded. */
export interface Thread {
  items: Item[];
  cursor: string | null;
  total: number | null;
  isReading: boolean;
  problem: Problem | null;
}

export interface Unfolded {
  /** Any item of each run of calls that is shown whole. */
  runs: ReadonlySet<string>;
  /** Subagents whose timeline is shown. */
  threads: ReadonlyMap<string, Thread>;
}

export interface Rows {
  rows: Row[];
  /** The row in which each item stands, or that follows it if it has none. */
  placeOf: ReadonlyMap<string, number>;
}

// A longer run of calls shows those that failed, changed files or started a subagent; the others on a click.
const MOST_IN_A_RUN = 8;
// So many calls get a line that sums them up.
const LEAST_IN_A_RUN = 4;
const DEEPEST = 6;
// So long after a subagent's end Claude goes on at the latest, if nothing was waited for.
const MOST_AFTER_WORK_MS = 60_000;

export function rowsOf(items: readonly Item[], unfolded: Unfolded): Rows {
  const rows: Row[] = [];
  const placeOf = new Map<string, number>();
  addItems(items, 0);
  return { rows, placeOf };

  function addItems(these: readonly Item[], depth: number): void {
    let day: string | null = null;
    // Until when a subagent works, as the call that started it says.
    let worksUntil = -Infinity;
    for (let at = 0; at < these.length; ) {
      const item = these[at] as Item;
      const itsDay = dayAt(item.timestamp);
      if (depth === 0 && day !== null && itsDay !== null && itsDay !== day) rows.push({ key: `day-${itsDay}`, depth, kind: "day", item });
      day = itsDay ?? day;
      if (item.kind === "tool_call") {
        const run = runFrom(these, at);
        addRun(run.calls, depth);
        worksUntil = Math.max(worksUntil, ...run.calls.map(workEnd));
        for (const skipped of run.skipped) placeOf.set(skipped, rows.length - 1);
        at += run.length;
        continue;
      }
      at += 1;
      placeOf.set(item.id, rows.length);
      if (!isSilent(item)) addOne(item, depth, worksUntil);
    }
  }

  function addRun(calls: Call[], depth: number): void {
    const isWhole = calls.length <= MOST_IN_A_RUN || calls.some((call) => unfolded.runs.has(call.id));
    const shown = isWhole ? calls : calls.filter(isTelling);
    const first = calls[0] as Call;
    const header = rows.length;
    if (calls.length >= LEAST_IN_A_RUN) rows.push({ key: `run-${first.id}`, depth, kind: "run", calls, isOpen: isWhole, hidden: calls.length - shown.length });
    for (const call of calls) placeOf.set(call.id, header);
    for (const call of shown) {
      placeOf.set(call.id, rows.length);
      for (const change of call.changes) placeOf.set(change.id, rows.length);
      rows.push({ key: call.id, depth, kind: "call", item: call });
      if (call.subagent) addThread(call.subagent.agent_id, depth);
    }
  }

  function addOne(item: Exclude<Item, Call>, depth: number, worksUntil: number): void {
    const base = { key: item.id, depth };
    if (item.kind === "message") rows.push({ ...base, kind: "message", item });
    else if (item.kind === "file_change") rows.push({ ...base, kind: "change", item });
    else if (item.kind === "subagent") {
      rows.push({ ...base, kind: "subagent", item });
      addThread(item.subagent.agent_id, depth);
    } else if (item.kind === "idle_gap" || item.kind === "model_switch") {
      const worked = item.kind === "idle_gap" && worksUntil > Date.parse(item.until) - MOST_AFTER_WORK_MS;
      rows.push({ ...base, kind: "separator", item, worked });
    } else rows.push({ ...base, kind: "entry", item });
  }

  function addThread(agentId: string, depth: number): void {
    const thread = unfolded.threads.get(agentId);
    if (!thread || depth >= DEEPEST) return;
    addItems(thread.items, depth + 1);
    rows.push({ key: `end-${agentId}`, depth: depth + 1, kind: "thread_end", agentId });
  }
}

/** The calls that follow each other, also over messages without a text. */
function runFrom(items: readonly Item[], from: number): { calls: Call[]; skipped: string[]; length: number } {
  const calls: Call[] = [];
  const skipped: string[] = [];
  let length = 0;
  let pending: string[] = [];
  for (let at = from; at < items.length; at += 1) {
    const item = items[at] as Item;
    if (item.kind === "tool_call" && (calls.length === 0 || dayAt(item.timestamp) === dayAt((calls[0] as Call).timestamp))) {
      calls.push(item);
      skipped.push(...pending);
      pending = [];
      length = at - from + 1;
    } else if (isSilent(item)) pending.push(item.id);
    else break;
  }
  return { calls, skipped, length };
}

/** When the subagent of a call ended, in milliseconds; -Infinity for another call, and for one of which only its result's time is known. */
function workEnd(call: Call): number {
  const isSubagent = call.subagent !== null || call.tool_name === "Agent" || call.tool_name === "Task";
  return isSubagent && call.timestamp !== null && call.duration_source === "reported" ? Date.parse(call.timestamp) + (call.execution_time_ms ?? 0) : -Infinity;
}

/** Claude's message without a text, only with calls: they follow as items of their own. */
function isSilent(item: Item): boolean {
  return item.kind === "message" && item.content.trim() === "";
}

function isTelling(call: Call): boolean {
  return call.result_status !== "success" || call.changes.length > 0 || call.subagent !== null;
}

// So few changed lines are read at a glance: they show without a click.
const MOST_IN_A_SMALL_DIFF = 12;

/** The patch of a call that changed a few lines of one file; null for any other. */
export function smallDiff(call: Call): string | null {
  const [change] = call.changes;
  if (!change?.patch || call.changes.length > 1 || change.patch_left_out_lines > 0) return null;
  return change.lines_added + change.lines_removed <= MOST_IN_A_SMALL_DIFF ? change.patch : null;
}

/** How high a row probably is, until it was on the screen once. */
export function probableHeight(row: Row): number {
  switch (row.kind) {
    case "message":
      return 46 + 22 * Math.min(60, Math.ceil(row.item.content.length / 95) + (row.item.content.match(/\n/g)?.length ?? 0) * 0.6) + (row.item.role === "user" ? 26 : 0);
    case "call":
      return callHeight(row.item);
    case "separator":
    case "day":
    case "run":
      return 34;
    case "entry":
      return 40;
    default:
      return 30;
  }
}

function callHeight(call: Call): number {
  const diff = smallDiff(call);
  const line = call.result_status === "error" || call.result_status === "timeout" ? 52 : 28;
  return diff === null ? line : line + 18 + 20 * diff.trimEnd().split("\n").length;
}
