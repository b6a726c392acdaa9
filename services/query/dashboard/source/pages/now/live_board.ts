/** What the board knows: open sessions with their state, and the newest items of the feed. Rows and items in, no other effect. client/live/board.py has the same rules. */

import type { Schemas } from "../../api/answers";

type Row = Schemas["LiveSession"];

/** An item of the feed. A field that does not apply is absent; a key for numbers gets few of them. */
export interface LiveItem {
  kind: string;
  timestamp?: string;
  id?: string;
  session_id?: string;
  project_id?: number;
  project_name?: string;
  user?: string;
  machine_id?: string;
  agent_id?: string;
  title?: string;
  reason?: string;
  content?: string;
  model?: string;
  tool_name?: string;
  result_status?: string;
  execution_time_ms?: number;
  file_path?: string;
  action?: string;
  lines_added?: number;
  lines_removed?: number;
}

export const STATES = ["permission", "error", "working", "input"] as const;
export type State = (typeof STATES)[number];

export interface OpenSession {
  id: string;
  state: State;
  title: string | null;
  project: string | null;
  user: string | null;
  prompt: string | null;
  /** Running calls by their ids. */
  tools: Map<string, { name: string; since: number }>;
  since: number;
  /** When a hook last said that it waits. What happened before it, and is told later, does not end the wait. */
  waitsSince: number;
  startedAt: number;
  /** When the feed last told of it, by this machine's clock. */
  heardAt: number;
  calls: number | null;
  tokens: number | null;
  cost: number | null;
}

export interface FeedEntry {
  id: string;
  item: LiveItem;
}

/** A session without an event for so long is idle. One that an import brought is listed until the tracker has closed it. */
const IDLE_MS = 60 * 60_000;
const WORK = new Set(["prompt", "tool_started", "tool_finished", "file_changed"]);
/** So many items are shown. Older ones are in the lists. */
export const FEED_KEPT = 100;

export class LiveBoard {
  sessions = new Map<string, OpenSession>();
  feed: FeedEntry[] = [];

  /** Takes the rows of open sessions. What only the feed says of a known session stays. */
  read(rows: readonly Row[], askedAt: number): void {
    const open = openOf(rows);
    const listed = new Set(open.map((row) => row.session_id));
    // A session that the feed told of meanwhile is in the next rows.
    for (const session of [...this.sessions.values()]) if (!listed.has(session.id) && session.heardAt < askedAt) this.sessions.delete(session.id);
    for (const row of open) {
      if (row.session_id === null) continue;
      let session = this.sessions.get(row.session_id);
      if (!session) {
        session = newSession(row.session_id, Date.parse(row.start_time ?? row.since));
        session.state = row.state === "working" ? "working" : "input";
        session.since = Date.parse(row.since);
        session.prompt = row.last_prompt;
        if (row.tool_name) session.tools.set("listed", { name: row.tool_name, since: session.since });
        this.sessions.set(row.session_id, session);
      }
      session.title = row.title;
      session.project = row.project_name;
      session.user = row.user;
      session.calls = row.tool_calls_count;
      session.tokens = row.tokens;
      session.cost = row.cost_usd;
    }
  }

  /** Takes an item. One that `isOld` is of before the rows were read: it fills the feed, and only tells what is waited for. */
  take(id: string, item: LiveItem, isOld: boolean): void {
    if (item.kind === "gap" || this.feed.some((entry) => entry.id === id)) return;
    this.feed.unshift({ id, item });
    if (this.feed.length > FEED_KEPT) this.feed.length = FEED_KEPT;
    if (!item.session_id) return;
    const at = item.timestamp ? Date.parse(item.timestamp) : Date.now();
    let session = this.sessions.get(item.session_id);
    if (isOld) {
      if (session && item.kind === "waiting" && at >= session.since) wait(session, item.reason, at);
      return;
    }
    if (item.kind === "session_ended") {
      this.sessions.delete(item.session_id);
      return;
    }
    if (!session) {
      session = newSession(item.session_id, at);
      this.sessions.set(item.session_id, session);
    }
    session.heardAt = Date.now();
    session.title = item.title ?? session.title;
    session.project = item.project_name ?? session.project;
    session.user = item.user ?? session.user;
    if (item.kind === "waiting") wait(session, item.reason, at);
    else if (item.kind === "session_started" || item.kind === "session_reopened") {
      session.state = "input";
      session.since = at;
    } else work(session, item, at);
  }
}

export function openOf(rows: readonly Row[]): Row[] {
  const idleBefore = Date.now() - IDLE_MS;
  return rows.filter((row) => Date.parse(row.last_event_at) > idleBefore);
}

function newSession(id: string, startedAt: number): OpenSession {
  return {
    id,
    state: "working",
    title: null,
    project: null,
    user: null,
    prompt: null,
    tools: new Map(),
    since: startedAt,
    waitsSince: 0,
    startedAt,
    heardAt: 0,
    calls: null,
    tokens: null,
    cost: null,
  };
}

/** A newer tracker may know other reasons; those are a wait for input. */
function wait(session: OpenSession, reason: string | undefined, at: number): void {
  session.state = reason === "permission" || reason === "error" ? reason : "input";
  session.since = session.waitsSince = at;
  if (session.state === "input") session.tools.clear();
}

function work(session: OpenSession, item: LiveItem, at: number): void {
  const isAgents = item.agent_id !== undefined;
  if (item.kind === "prompt" && !isAgents) {
    session.prompt = item.content ?? null;
    session.tools.clear();
  } else if (item.kind === "tool_started") session.tools.set(item.id ?? "", { name: item.tool_name ?? "a tool", since: at });
  else if (item.kind === "tool_finished") {
    session.tools.delete(item.id ?? "");
    session.tools.delete("listed");
  }
  const endedAt = at + (item.execution_time_ms ?? 0);
  if (!WORK.has(item.kind) || endedAt <= session.waitsSince) return;
  session.state = "working";
  session.since = at;
  if (item.kind === "tool_finished" && item.result_status === "rejected" && !isAgents) {
    // The person said no, or interrupted: the turn is over, and no hook tells it.
    session.state = "input";
    session.since = endedAt;
  }
}

/** The call that began last. */
export function runningTool(session: OpenSession): { name: string; since: number } | null {
  let newest: { name: string; since: number } | null = null;
  for (const tool of session.tools.values()) if (!newest || tool.since >= newest.since) newest = tool;
  return newest;
}

/** Whether the event's position in the feed is at or before another. Positions are `<ms>-<number>` or `<ms>-<number>-<index>`. */
export function isAtOrBefore(id: string, position: string): boolean {
  const [one, other] = [id, position].map((text) => text.split("-").map(Number));
  for (let part = 0; part < 2; part++) {
    const difference = (one?.[part] ?? 0) - (other?.[part] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return true;
}
