/** An answer that is read page by page, anew as what is asked for changes: late answers of earlier questions are dropped. Whole pages are kept, for what they say besides items. */

import { useEffect, useRef, useState } from "preact/hooks";
import type { Answer, Parameters, ReadPath } from "./answers";
import { Problem, addressOf, read } from "./request";

interface Paged {
  next_cursor: string | null;
}

export interface PagedAnswer<T> {
  /** Those of the newest question that was answered. */
  pages: readonly T[];
  problem: Problem | null;
  /** Whether `pages` answer what is asked now. */
  isCurrent: boolean;
  isReading: boolean;
  hasMore: boolean;
  /** Reads the next page; the first one again after a problem. */
  more: () => void;
}

interface State<T> {
  address: string | null;
  pages: readonly T[];
  problem: Problem | null;
  isReading: boolean;
}

/** Answers by address, so that going back shows the list, and the place in it, at once. */
const kept = new Map<string, { pages: readonly unknown[]; readAt: number }>();
const MOST_KEPT = 30;
const FRESH_MS = 120_000;

/** Forgets all pages, as at logout and after a change. */
export function forgetPagedAnswers(): void {
  kept.clear();
}

/** Reads `path`, or nothing if it is null, `delayMs` after the last change of `query`. */
export function usePagedAnswer<P extends ReadPath>(path: P | null, query: Parameters, delayMs = 0): PagedAnswer<Answer<P>> {
  type Page = Answer<P>;
  const address = path === null ? null : addressOf(path, query);
  const [state, setState] = useState<State<Page>>(() => {
    const pages = address === null ? null : (keptPages(address) as readonly Page[] | null);
    return { address: pages ? address : null, pages: pages ?? [], problem: null, isReading: false };
  });
  const running = useRef<AbortController | null>(null);
  const hasAsked = useRef(false);

  async function readPage(before: readonly Page[]): Promise<void> {
    if (path === null || address === null) return;
    running.current?.abort();
    const controller = new AbortController();
    running.current = controller;
    setState((was) => ({ ...was, isReading: true }));
    const cursor = (before.at(-1) as Paged | undefined)?.next_cursor;
    try {
      const page = await read(path, { ...query, cursor }, {}, controller.signal);
      if (running.current !== controller) return;
      const pages = [...before, page];
      keep(address, pages);
      setState({ address, pages, problem: null, isReading: false });
    } catch (error) {
      // Aborted: a newer question was asked.
      if (running.current !== controller) return;
      if (!(error instanceof Problem)) throw error;
      setState((was) => ({ address, pages: was.address === address ? was.pages : [], problem: error, isReading: false }));
    }
  }

  useEffect(() => {
    running.current?.abort();
    running.current = null;
    if (address === null) {
      setState({ address: null, pages: [], problem: null, isReading: false });
      return;
    }
    const found = keptPages(address) as readonly Page[] | null;
    if (found) {
      setState({ address, pages: found, problem: null, isReading: false });
      return;
    }
    // The first question need not wait: nobody has typed yet.
    const timer = window.setTimeout(() => void readPage([]), hasAsked.current ? delayMs : 0);
    hasAsked.current = true;
    return () => window.clearTimeout(timer);
  }, [address]);
  useEffect(
    () => () => {
      running.current?.abort();
      running.current = null;
    },
    [],
  );

  const isCurrent = state.address === address;
  return {
    pages: state.pages,
    problem: isCurrent ? state.problem : null,
    isCurrent,
    isReading: state.isReading || (address !== null && !isCurrent),
    hasMore: isCurrent && (state.pages.at(-1) as Paged | undefined)?.next_cursor != null,
    more: () => {
      if (isCurrent && !state.isReading) void readPage(state.pages);
    },
  };
}

function keep(address: string, pages: readonly unknown[]): void {
  kept.delete(address);
  kept.set(address, { pages, readAt: Date.now() });
  if (kept.size > MOST_KEPT) kept.delete(kept.keys().next().value as string);
}

function keptPages(address: string): readonly unknown[] | null {
  const found = kept.get(address);
  return found && Date.now() - found.readAt < FRESH_MS ? found.pages : null;
}
