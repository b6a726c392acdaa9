/** What the parts of a session's page share: whose it is, what is unfolded, and what its turns cost. */

import { type Signal, signal } from "@preact/signals";
import { withParameters } from "../../../address/address";
import type { Schemas } from "../../../api/answers";
import { Problem, read } from "../../../api/request";
import { dayText } from "../../../format/days";
import { dayAt } from "../../../format/times";
import type { Thread } from "../rows/rows";

export type Turn = Schemas["Turn"];

export interface Story {
  sessionId: string;
  person: string;
  projectPath: Signal<string | null>;
  /** Calls and texts that are shown whole. */
  opened: Signal<ReadonlySet<string>>;
  runs: Signal<ReadonlySet<string>>;
  threads: Signal<ReadonlyMap<string, Thread>>;
  /** By the id of their prompt, each with the one before. */
  turns: Signal<ReadonlyMap<string, { turn: Turn; before: Turn | undefined }>>;
  /** The item that the address names. */
  at: Signal<string | null>;
  withThinking: boolean;
}

const THREAD_ITEMS = 100;

export function newStory(sessionId: string, person: string, withThinking: boolean): Story {
  return {
    sessionId,
    person,
    withThinking,
    projectPath: signal(null),
    opened: signal(new Set<string>()),
    runs: signal(new Set<string>()),
    threads: signal(new Map<string, Thread>()),
    turns: signal(new Map()),
    at: signal(null),
  };
}

/** The day on which a turn began, where the one before began on another. */
export function newDay(turn: Turn, before: Turn | undefined): string | null {
  const day = dayAt(turn.start_time);
  return day && day !== dayAt(before?.start_time) ? dayText(day) : null;
}

export function toggle(set: Signal<ReadonlySet<string>>, ...ids: string[]): void {
  const next = new Set(set.peek());
  const isOn = ids.some((id) => next.has(id));
  for (const id of ids) {
    if (isOn) next.delete(id);
    else next.add(id);
  }
  set.value = next;
}

/** The address of an item, in this view. */
export function itemAddress(id: string): string {
  return withParameters({ at: id });
}

/** The address of what a subagent did, for itself. */
export function threadAddress(agentId: string): string {
  return withParameters({ thread: agentId, at: null });
}

/** Shows what a subagent did below the call that started it, or hides it again. */
export function toggleThread(story: Story, agentId: string): void {
  const threads = new Map(story.threads.peek());
  if (threads.delete(agentId)) {
    story.threads.value = threads;
    return;
  }
  story.threads.value = threads.set(agentId, { items: [], cursor: null, total: null, isReading: false, problem: null });
  void readThread(story, agentId);
}

/** Reads the next items of a subagent that is unfolded. */
export async function readThread(story: Story, agentId: string): Promise<void> {
  const before = story.threads.peek().get(agentId);
  if (!before || before.isReading) return;
  const put = (thread: Thread) => {
    if (story.threads.peek().has(agentId)) story.threads.value = new Map(story.threads.peek()).set(agentId, thread);
  };
  put({ ...before, isReading: true, problem: null });
  try {
    const query = { agent_id: agentId, limit: THREAD_ITEMS, cursor: before.cursor, include_thinking: story.withThinking || null };
    const page = await read("/api/sessions/{session_id}/timeline", query, { session_id: story.sessionId });
    put({ items: [...before.items, ...page.items], cursor: page.next_cursor, total: page.totals.items, isReading: false, problem: null });
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    put({ ...before, isReading: false, problem: error });
  }
}

/** All turns of the session, page by page. */
export async function readTurns(sessionId: string, onPage: (turns: Turn[]) => void, isWanted: () => boolean): Promise<void> {
  const turns: Turn[] = [];
  let cursor: string | null = null;
  do {
    const page: Schemas["TurnPage"] = await read("/api/sessions/{session_id}/turns", { limit: 200, cursor }, { session_id: sessionId });
    if (!isWanted()) return;
    turns.push(...page.items);
    onPage([...turns]);
    cursor = page.next_cursor;
  } while (cursor !== null);
}
