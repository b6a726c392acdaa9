/** A session's timeline as far as it is loaded: a run of pages that grows at both ends, and forgets those far away. */

import { type Signal, signal } from "@preact/signals";
import type { Schemas } from "../../../api/answers";
import { Problem, read } from "../../../api/request";

export type Timeline = Schemas["Timeline"];
export type Item = Timeline["items"][number];
export type ItemOf<K extends Item["kind"]> = Extract<Item, { kind: K }>;

/** A place from which the API reads a page. A cursor holds in the order that gave it alone. */
interface Place {
  order: "asc" | "desc";
  cursor?: string;
  around?: string;
}

interface LoadedPage {
  /** How it was asked for. */
  place: Place;
  items: Item[];
  earlier: Place | null;
  later: Place | null;
}

export interface TimelineState {
  pages: LoadedPage[];
  items: Item[];
  totals: Timeline["totals"] | null;
  hasEarlier: boolean;
  hasLater: boolean;
  isReading: boolean;
  problem: Problem | null;
}

export const PAGE_ITEMS = 100;
// More are forgotten at the far end, so that a session of any length takes the same memory.
const MOST_PAGES = 12;

export interface TimelineStore {
  state: Signal<TimelineState>;
  open: (where: "start" | "end" | { around: string }) => Promise<void>;
  readEarlier: () => void;
  readLater: () => void;
  /** Reads again what could not be read. */
  again: () => void;
  /** Reads the last page again, after something happened. */
  readTail: () => Promise<void>;
}

export function timelineStore(sessionId: string, agentId: string | null, withThinking: boolean): TimelineStore {
  const state = signal<TimelineState>(stateOf([], null));
  // Counts what was asked for: an answer that was overtaken by a jump is dropped.
  let turn = 0;
  let isTailDue = false;
  let again = () => {};

  async function readPage(place: Place): Promise<{ page: LoadedPage; totals: Timeline["totals"] }> {
    const query = { limit: PAGE_ITEMS, ...place, agent_id: agentId, include_thinking: withThinking || null };
    const answer = await read("/api/sessions/{session_id}/timeline", query, { session_id: sessionId });
    const isAscending = place.order === "asc";
    const [earlier, later] = isAscending ? [answer.previous_cursor, answer.next_cursor] : [answer.next_cursor, answer.previous_cursor];
    const toPlace = (cursor: string | null): Place | null => (cursor === null ? null : { order: place.order, cursor });
    return {
      page: { place, items: isAscending ? answer.items : answer.items.toReversed(), earlier: toPlace(earlier), later: toPlace(later) },
      totals: answer.totals,
    };
  }

  async function reading(place: Place, change: (pages: LoadedPage[], page: LoadedPage) => LoadedPage[]): Promise<void> {
    const mine = ++turn;
    state.value = { ...state.peek(), isReading: true };
    try {
      const { page, totals } = await readPage(place);
      if (mine === turn) state.value = stateOf(change(state.peek().pages, page), totals);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (mine !== turn) return;
      again = () => void reading(place, change);
      state.value = { ...state.peek(), isReading: false, problem: error };
    }
    if (isTailDue && mine === turn) {
      isTailDue = false;
      await readTail();
    }
  }

  async function readTail(): Promise<void> {
    const { pages, isReading, hasLater } = state.peek();
    if (isReading) {
      isTailDue = true;
      return;
    }
    const last = pages.at(-1);
    if (!last) return open("start");
    if (hasLater) {
      // Only the numbers change: the end is not shown.
      await reading({ order: "desc" }, (now) => now);
      return;
    }
    // What follows the page before has all of the last one, and what was added.
    const place = pages.at(-2)?.later ?? last.place;
    await reading(place, (now, page) => [...now.slice(0, -1), page]);
  }

  async function open(where: "start" | "end" | { around: string }): Promise<void> {
    const place: Place = where === "start" ? { order: "asc" } : where === "end" ? { order: "desc" } : { order: "asc", around: where.around };
    await reading(place, (_, page) => [page]);
  }

  return {
    state,
    open,
    readTail,
    again: () => again(),
    readEarlier: () => {
      const { pages, isReading, problem } = state.peek();
      const place = pages[0]?.earlier;
      if (place && !isReading && !problem) void reading(place, (now, page) => [page, ...now].slice(0, MOST_PAGES));
    },
    readLater: () => {
      const { pages, isReading, problem } = state.peek();
      const place = pages.at(-1)?.later;
      if (place && !isReading && !problem) void reading(place, (now, page) => [...now, page].slice(-MOST_PAGES));
    },
  };
}

function stateOf(pages: LoadedPage[], totals: Timeline["totals"] | null): TimelineState {
  return {
    pages,
    items: pages.flatMap((page) => page.items),
    totals,
    hasEarlier: pages[0]?.earlier != null,
    hasLater: pages.at(-1)?.later != null,
    isReading: false,
    problem: null,
  };
}
