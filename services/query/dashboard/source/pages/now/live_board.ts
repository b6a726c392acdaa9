/** What the board shows: open sessions, each with the state that the server tells, and the newest items of the feed. Rows and items in, no other effect. */

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
  /** What the session does after this; the last item of a session in a batch has it. */
  state?: string;
  since?: string;
  running_tool?: string;
}

export const STATES = ["permission", "error", "working", "input", "quiet"] as const;
export type State = (typeof STATES)[number];

export interface OpenSession {
  id: string;
  state: State;
  since: number;
  /** The tool that runs, or whose permission is waited for. */
  tool: string | null;
  title: string | null;
  project: string | null;
  user: string | null;
  prompt: string | null;
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

/** So many items are shown. Older ones are in the lists. */
export const FEED_KEPT = 100;

export class LiveBoard {
  sessions = new Map<string, OpenSession>();
  feed: FeedEntry[] = [];

  /** Takes the rows of open sessions. What the feed told since they were asked for is newer. */
  read(rows: readonly Row[], askedAt: number): void {
    const listed = new Set(rows.map((row) => row.session_id));
    for (const session of [...this.sessions.values()]) if (!listed.has(session.id) && session.heardAt < askedAt) this.sessions.delete(session.id);
    for (const row of rows) {
      if (row.session_id === null) continue;
      const session = this.session(row.session_id, Date.parse(row.start_time ?? row.since));
      session.title = row.title;
      session.project = row.project_name;
      session.user = row.user;
      session.calls = row.tool_calls_count;
      session.tokens = row.tokens;
      session.cost = row.cost_usd;
      if (session.heardAt >= askedAt) continue;
      session.prompt = row.last_prompt;
      isIn(session, row.state, row.since, row.tool_name);
    }
  }

  /** Takes an item. One that `isOld` is of before the rows were read: it fills the feed. */
  take(id: string, item: LiveItem, isOld: boolean): void {
    if (item.kind === "gap" || this.feed.some((entry) => entry.id === id)) return;
    if (item.kind !== "state_changed") this.feed.unshift({ id, item });
    if (this.feed.length > FEED_KEPT) this.feed.length = FEED_KEPT;
    if (!item.session_id || isOld) return;
    if (item.kind === "session_ended") {
      this.sessions.delete(item.session_id);
      return;
    }
    const session = this.session(item.session_id, item.timestamp ? Date.parse(item.timestamp) : Date.now());
    session.heardAt = Date.now();
    session.title = item.title ?? session.title;
    session.project = item.project_name ?? session.project;
    session.user = item.user ?? session.user;
    if (item.kind === "prompt" && item.agent_id === undefined) session.prompt = item.content ?? null;
    if (item.state) isIn(session, item.state, item.since, item.running_tool);
  }

  private session(id: string, startedAt: number): OpenSession {
    let session = this.sessions.get(id);
    if (!session) {
      const unknown = { title: null, project: null, user: null, prompt: null, tool: null, calls: null, tokens: null, cost: null };
      session = { id, state: "quiet", since: startedAt, startedAt, heardAt: 0, ...unknown };
      this.sessions.set(id, session);
    }
    return session;
  }
}

/** A newer tracker may know other states; those are a wait for input. */
export function stateOf(told: string): State {
  return STATES.find((state) => state === told) ?? "input";
}

function isIn(session: OpenSession, state: string, since: string | undefined, tool: string | null | undefined): void {
  session.state = stateOf(state);
  if (since) session.since = Date.parse(since);
  session.tool = tool ?? null;
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
