/** A list of the API, cursor page by cursor page. It is kept by address, so that going back shows it at once. */

import { type Signal, signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Answer, Parameters, ReadPath } from "./answers";
import { Problem, addressOf, send } from "./request";

/** The paths that answer with pages of items. */
export type ListPath = { [P in ReadPath]: Answer<P> extends { items: unknown[]; next_cursor: string | null } ? P : never }[ReadPath];
export type ItemOf<P extends ListPath> = Answer<P> extends { items: (infer Item)[] } ? Item : never;

interface State {
  items: unknown[];
  cursor: string | null;
  problem: Problem | null;
  isReading: boolean;
  /** Whether the first page has come. */
  isKnown: boolean;
}

export interface Pages<Item> {
  items: Item[];
  problem: Problem | null;
  isReading: boolean;
  isKnown: boolean;
  /** Whether nothing follows. */
  isWhole: boolean;
  readMore: () => void;
  /** Reads all that is shown anew, from the first item. */
  again: () => void;
  /** Changes what is shown, where an answer already says how it is now. */
  change: (change: (item: Item) => Item) => void;
}

const kept = new Map<string, { state: Signal<State>; readAt: number }>();
const MOST_KEPT = 8;
const FRESH_MS = 3_000;
const MOST_ON_A_PAGE = 1_000;

export function usePages<P extends ListPath>(path: P, query: Parameters, pageItems: number, inPath: Record<string, string | number> = {}): Pages<ItemOf<P>> {
  const address = addressOf(path, query, inPath);
  const list = listOf(address);
  const { items, cursor, problem, isReading, isKnown } = list.state.value;

  async function readPage(from: string | null, limit: number): Promise<void> {
    if (list.state.peek().isReading) return;
    list.state.value = { ...list.state.peek(), isReading: true };
    try {
      const response = await send("GET", addressOf(path, { ...query, limit, cursor: from }, inPath));
      const page = (await response.json()) as { items: unknown[]; next_cursor: string | null };
      const before = from === null ? [] : list.state.peek().items;
      list.state.value = { items: [...before, ...page.items], cursor: page.next_cursor, problem: null, isReading: false, isKnown: true };
      if (from === null) list.readAt = Date.now();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      list.state.value = { ...list.state.peek(), problem: error, isReading: false };
    }
  }

  const again = () => void readPage(null, Math.min(MOST_ON_A_PAGE, Math.max(pageItems, list.state.peek().items.length)));
  useEffect(() => {
    if (Date.now() - list.readAt > FRESH_MS) again();
  }, [address]);

  return {
    items: items as ItemOf<P>[],
    problem,
    isReading,
    isKnown,
    isWhole: isKnown && cursor === null,
    readMore: () => {
      if (cursor !== null && !problem) void readPage(cursor, pageItems);
    },
    again,
    change: (change) => {
      list.state.value = { ...list.state.peek(), items: (list.state.peek().items as ItemOf<P>[]).map(change) };
    },
  };
}

function listOf(address: string) {
  let list = kept.get(address);
  if (!list) {
    list = { state: signal<State>({ items: [], cursor: null, problem: null, isReading: false, isKnown: false }), readAt: 0 };
    kept.set(address, list);
    if (kept.size > MOST_KEPT) kept.delete(kept.keys().next().value as string);
  }
  return list;
}

/** Forgets all lists, as at logout. */
export function forgetPages(): void {
  kept.clear();
}
