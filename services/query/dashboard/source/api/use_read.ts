/** Reads of the API in components: kept by address, shown at once when they were read before, and read again. */

import { type Signal, signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Answer, Parameters, ReadPath } from "./answers";
import { useRetry } from "./recovery";
import { Problem, addressOf, send } from "./request";
import { forgetPages } from "./use_pages";

export interface Reading<T> {
  /** The newest answer. While another address is read, that of the address before, so that nothing jumps. */
  data: T | null;
  /** Why the newest try failed; `data` may be of an earlier one. */
  problem: Problem | null;
  /** Whether `data` is of this address. */
  isCurrent: boolean;
  /** Reads again now. */
  again: () => void;
  /** What is read; null where nothing is. */
  address: string | null;
}

interface Kept {
  state: Signal<{ data: unknown; problem: Problem | null }>;
  reading: Promise<void> | null;
  readAt: number;
}

const kept = new Map<string, Kept>();
const MOST_KEPT = 200;
const FRESH_MS = 3_000;
const LOOK_MS = 3_000;

/** Reads `path`, or nothing if it is null. With `everyMs` it is read again and again while the page is visible. */
export function useRead<P extends ReadPath>(
  path: P | null,
  query: Parameters = {},
  options: { inPath?: Record<string, string | number>; everyMs?: number } = {},
): Reading<Answer<P>> {
  const address = path === null ? null : addressOf(path, query, options.inPath);
  const before = useRef<unknown>(null);
  const everyMs = options.everyMs;

  useEffect(() => {
    if (address === null) return;
    const entry = entryOf(address);
    if (entry.reading === null && Date.now() - entry.readAt > FRESH_MS) void readInto(address, entry);
    if (everyMs === undefined) return;
    const timer = window.setInterval(() => {
      if (!document.hidden && Date.now() - entry.readAt >= everyMs) void readInto(address, entry);
    }, Math.min(everyMs, LOOK_MS));
    return () => window.clearInterval(timer);
  }, [address, everyMs]);

  // What was never read is asked for while rendering, not after: so a page's own answers are on their way before those of its parts.
  const first = address === null ? null : entryOf(address);
  if (address !== null && first?.readAt === 0 && first.state.peek().data === null) void readInto(address, first);

  const state = address === null ? null : entryOf(address).state.value;
  if (state?.data != null) before.current = state.data;
  const again = () => {
    if (address !== null) void readInto(address, entryOf(address));
  };
  // Also where nobody says that it failed, as with the values of a filter.
  useRetry(state?.problem ?? null, again);
  return {
    data: (state?.data ?? before.current) as Answer<P> | null,
    problem: state?.problem ?? null,
    isCurrent: state?.data != null,
    again,
    address,
  };
}

/** Reads `path` once for several: who uses the same address with useRead gets this answer. Throws a Problem. */
export async function readShared<P extends ReadPath>(path: P, query: Parameters = {}): Promise<Answer<P>> {
  const address = addressOf(path, query);
  const entry = entryOf(address);
  await readInto(address, entry);
  const { data, problem } = entry.state.peek();
  if (problem) throw problem;
  return data as Answer<P>;
}

/** Everything that was read is read again when it is shown next; what is shown now, at once. After a change. */
export function readAllAgain(): void {
  forgetPages();
  for (const [address, entry] of kept) {
    entry.readAt = 0;
    if (entry.state.peek().data !== null) void readInto(address, entry);
  }
}

/** Forgets all answers, as at logout. */
export function forgetReadings(): void {
  kept.clear();
  forgetPages();
}

function entryOf(address: string): Kept {
  let entry = kept.get(address);
  if (!entry) {
    entry = { state: signal({ data: null, problem: null }), reading: null, readAt: 0 };
    kept.set(address, entry);
    if (kept.size > MOST_KEPT) kept.delete(kept.keys().next().value as string);
  }
  return entry;
}

async function readInto(address: string, entry: Kept): Promise<void> {
  if (entry.reading) return entry.reading;
  entry.reading = (async () => {
    try {
      const response = await send("GET", address);
      entry.state.value = { data: await response.json(), problem: null };
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      entry.state.value = { data: entry.state.peek().data, problem: error };
    } finally {
      entry.readAt = Date.now();
      entry.reading = null;
    }
  })();
  return entry.reading;
}
