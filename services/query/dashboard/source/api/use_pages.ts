/** A list of the API, cursor page by cursor page, anew as what is asked for changes. It is kept by address, so that going back shows it, and the place in it, at once. */

import { type Signal, signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Answer, Parameters, ReadPath } from "./answers";
import { Problem, addressOf, read } from "./request";

interface Options {
  /** So long after the last change of the query it is asked, since somebody types. */
  delayMs?: number;
  /** Of a list that changes while it is looked at: it is shown as it was, and all that is shown is read anew, in one page. So many items are on the others. */
  pageItems?: number;
}

export interface Pages<T> {
  /** Those of the newest question that was answered: whole, for what they say besides items. */
  pages: readonly T[];
  problem: Problem | null;
  /** What is asked, without a cursor; null where nothing is. */
  address: string | null;
  /** Whether `pages` answer what is asked now. */
  isCurrent: boolean;
  isReading: boolean;
  hasMore: boolean;
  /** Reads the next page; the first one again after a problem. */
  more: () => void;
  /** Reads anew, from the first item. */
  again: () => void;
  /** Changes what is shown, where an answer already says how it is now. */
  change(change: (page: T) => T): void;
}

interface Paged {
  items?: readonly unknown[] | null;
  next_cursor: string | null;
}

interface State {
  pages: readonly unknown[];
  problem: Problem | null;
  isReading: boolean;
}

interface List {
  state: Signal<State>;
  reading: AbortController | null;
  readAt: number;
}

const NOTHING: State = { pages: [], problem: null, isReading: false };
const kept = new Map<string, List>();
const MOST_KEPT = 30;
const FRESH_MS = 120_000;
const CHANGING_FRESH_MS = 3_000;
const MOST_ON_A_PAGE = 1_000;

/** Reads `path`, or nothing if it is null. */
export function usePages<P extends ReadPath>(path: P | null, query: Parameters, { delayMs = 0, pageItems }: Options = {}): Pages<Answer<P>> {
  type Page = Answer<P>;
  const address = path === null ? null : addressOf(path, query);
  // The one that is shown stays, also when all are forgotten.
  const mine = useRef<{ address: string | null; list: List | null }>({ address: null, list: null });
  if (mine.current.address !== address) mine.current = { address, list: address === null ? null : listOf(address, pageItems !== undefined) };
  const { list } = mine.current;
  const state = list?.state.value ?? NOTHING;
  const isCurrent = list === null || state.pages.length > 0 || state.problem !== null;
  const shown = useRef<readonly unknown[]>([]);
  if (isCurrent) shown.current = state.pages;
  const pages = shown.current as readonly Page[];
  const cursor = isCurrent ? ((pages.at(-1) as Paged | undefined)?.next_cursor ?? null) : null;
  const hasAsked = useRef(false);

  async function readPage(of: List, from: string | null, limit: Parameters): Promise<void> {
    if (path === null) return;
    of.reading?.abort();
    const reading = new AbortController();
    of.reading = reading;
    of.state.value = { ...of.state.peek(), isReading: true };
    try {
      const page = await read(path, { ...query, ...limit, cursor: from }, {}, reading.signal);
      if (of.reading !== reading) return;
      of.readAt = Date.now();
      of.state.value = { pages: from === null ? [page] : [...of.state.peek().pages, page], problem: null, isReading: false };
    } catch (error) {
      // Aborted: a newer question was asked.
      if (of.reading !== reading) return;
      if (!(error instanceof Problem)) throw error;
      of.state.value = { ...of.state.peek(), problem: error, isReading: false };
    }
  }

  function again(): void {
    if (list === null) return;
    const items = list.state.peek().pages.reduce<number>((sum, page) => sum + ((page as Paged).items?.length ?? 0), 0);
    void readPage(list, null, pageItems === undefined ? {} : { limit: Math.min(MOST_ON_A_PAGE, Math.max(pageItems, items)) });
  }

  useEffect(() => {
    if (list === null) return;
    let timer = 0;
    if (Date.now() - list.readAt > freshMs(pageItems !== undefined)) {
      // The first question need not wait: nobody has typed yet.
      timer = window.setTimeout(again, hasAsked.current ? delayMs : 0);
      hasAsked.current = true;
    }
    return () => {
      window.clearTimeout(timer);
      list.reading?.abort();
      list.reading = null;
      if (list.state.peek().isReading) list.state.value = { ...list.state.peek(), isReading: false };
    };
  }, [address]);

  return {
    address,
    pages,
    problem: state.problem,
    isCurrent,
    isReading: state.isReading || !isCurrent,
    hasMore: cursor !== null,
    more: () => {
      if (list === null || state.isReading) return;
      if (cursor !== null) void readPage(list, cursor, pageItems === undefined ? {} : { limit: pageItems });
      else if (state.problem) again();
    },
    again,
    change: (change) => {
      if (list !== null) list.state.value = { ...list.state.peek(), pages: (list.state.peek().pages as Page[]).map(change) };
    },
  };
}

/** Forgets all lists, as at logout and after a change. */
export function forgetPages(): void {
  kept.clear();
}

function freshMs(isChanging: boolean): number {
  return isChanging ? CHANGING_FRESH_MS : FRESH_MS;
}

function listOf(address: string, isChanging: boolean): List {
  let list = kept.get(address);
  if (!list || (!isChanging && Date.now() - list.readAt > FRESH_MS)) list = { state: signal(NOTHING), reading: null, readAt: 0 };
  kept.delete(address);
  kept.set(address, list);
  if (kept.size > MOST_KEPT) kept.delete(kept.keys().next().value as string);
  return list;
}
