/**
 * What the board shows: the open sessions, each with the state that the server tells, and the newest items of the feed.
 * `tracker top` has the same rules (client/live/board.py); tests/live_board.json has the cases that both are held to.
 */

import type { Schemas } from "../../api/answers";
import { projectName } from "../../format/names";
import terms from "../../format/terms";

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
  running_input?: string;
  asks?: string;
  error?: string;
  agents?: Row["agents"];
}

export interface OpenSession {
  id: string;
  /** Of what was told last; of rows, the position that came with them. */
  position: string;
  /** null until the server tells it. */
  state: string | null;
  since: string | null;
  /** The tool that runs, or whose permission is waited for. */
  tool: string | null;
  /** What it was called with. */
  input: string | null;
  /** What its person is to decide, whole. */
  asks: string | null;
  /** Why it failed. */
  error: string | null;
  title: string | null;
  project: string | null;
  user: string | null;
  prompt: string | null;
  startedAt: string;
  calls: number | null;
  tokens: number | null;
  cost: number | null;
  /** Those that it changed last, as the rows tell. */
  files: Row["files"];
  /** Its subagents, as told with the state. */
  agents: Row["agents"];
}

export interface FeedEntry {
  id: string;
  item: LiveItem;
}

/** So many items are shown. Older ones are in the lists. */
export const FEED_KEPT = 100;

export class LiveBoard {
  feed: FeedEntry[] = [];
  private sessions = new Map<string, OpenSession>();
  private readUpTo = "0-0";

  /** Sessions whose state is known, without those that have ended. What waits longest is first; the others do not change places, so they follow their starts. */
  get openSessions(): OpenSession[] {
    const open = [...this.sessions.values()].filter(({ state }) => state !== null && state !== "ended");
    return open.sort((one, other) => Number(waits(other)) - Number(waits(one)) || placeOf(one) - placeOf(other) || (one.id < other.id ? -1 : 1));
  }

  /** Takes /api/live/sessions. What the feed told after its position is newer than its rows. */
  read(rows: readonly Row[], lastEventId: string): void {
    this.readUpTo = lastEventId;
    const listed = new Set(rows.map((row) => row.session_id));
    for (const { id, position } of [...this.sessions.values()]) if (!listed.has(id) && isAtOrBefore(position, lastEventId)) this.sessions.delete(id);
    for (const row of rows) {
      if (row.session_id === null) continue;
      const session = this.session(row.session_id, row.start_time ?? row.since);
      session.title = row.title;
      session.project = row.project_name && projectName(row.project_id, row.project_name);
      session.user = row.user;
      session.calls = row.tool_calls_count;
      session.tokens = row.tokens;
      session.cost = row.cost_usd;
      session.files = row.files;
      if (!isAtOrBefore(session.position, lastEventId)) continue;
      session.position = lastEventId;
      session.prompt = row.last_prompt;
      isIn(session, row.state, row.since, row.tool_name, row.tool_input, row);
    }
  }

  /** Takes an item of the feed. One from before the rows were read is only something that happened. */
  take(id: string, item: LiveItem): void {
    if (this.feed.some((entry) => entry.id === id)) return;
    if (item.kind !== "state_changed") this.feed.unshift({ id, item });
    if (this.feed.length > FEED_KEPT) this.feed.length = FEED_KEPT;
    if (!item.session_id || isAtOrBefore(id, this.readUpTo)) return;
    const session = this.session(item.session_id, item.timestamp ?? new Date().toISOString());
    session.position = id;
    session.title = item.title ?? session.title;
    session.project = item.project_name ? projectName(item.project_id, item.project_name) : session.project;
    session.user = item.user ?? session.user;
    if (item.kind === "prompt" && item.agent_id === undefined) session.prompt = item.content ?? null;
    if (item.state) isIn(session, item.state, item.since, item.running_tool, item.running_input, item);
  }

  private session(id: string, startedAt: string): OpenSession {
    let session = this.sessions.get(id);
    if (!session) {
      const unknown = { state: null, since: null, title: null, project: null, user: null, prompt: null, tool: null, input: null, asks: null, error: null, calls: null, tokens: null, cost: null, files: [], agents: [] };
      session = { id, position: "0-0", startedAt, ...unknown };
      this.sessions.set(id, session);
    }
    return session;
  }
}

function waits({ state }: OpenSession): boolean {
  return state !== null && Object.hasOwn(terms.waits, state);
}

/** Milliseconds; without a time it is last. */
function placeOf(session: OpenSession): number {
  return Date.parse((waits(session) && session.since) || session.startedAt);
}

type Told = string | null | undefined;

/** `told`: the row or the item, whose names of the rest are the same. */
function isIn(session: OpenSession, state: string, since: Told, tool: Told, input: Told, { asks, error, agents = [] }: Pick<LiveItem, "agents"> & { asks?: Told; error?: Told }): void {
  session.state = state;
  session.since = since ?? null;
  session.tool = tool ?? null;
  session.input = input ?? null;
  session.asks = asks ?? null;
  session.error = error ?? null;
  session.agents = agents;
}

/** Whether a position of the feed is at or before another. Positions are `<ms>-<number>` or `<ms>-<number>-<index>`; one entry's are one. */
function isAtOrBefore(position: string, other: string): boolean {
  const [ms = 0, number = 0] = position.split("-").map(Number);
  const [otherMs = 0, otherNumber = 0] = other.split("-").map(Number);
  return ms === otherMs ? number <= otherNumber : ms < otherMs;
}
