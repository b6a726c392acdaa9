/** Tries again by itself what failed because the tracker did not answer: all of it together, with growing pauses, and at once when the browser is back. */

import { useEffect, useRef } from "preact/hooks";
import type { Problem } from "./request";

const FIRST_MS = 1_000;
const LONGEST_MS = 10_000;
/** No answer; too many requests; and what a proxy or a tracker that starts answers. */
const PASSING = new Set([0, 429, 502, 503, 504]);

const waiting = new Set<{ problem: Problem; run: () => void }>();
let timer = 0;
let pauseMs = FIRST_MS;
let triedAt = 0;

export function isPassing(problem: Problem | null): problem is Problem {
  return problem !== null && PASSING.has(problem.status);
}

/** Calls `run` once in a while; the function that is given back ends it. What several ask for the same problem is asked once. */
export function tryAgain(problem: Problem, run: () => void): () => void {
  if (Date.now() - triedAt > 2 * LONGEST_MS) pauseMs = FIRST_MS;
  const each = { problem, run };
  waiting.add(each);
  timer ||= window.setTimeout(tryAll, pauseMs);
  return () => void waiting.delete(each);
}

/** Calls `run` once, when it may be answered again. */
export function tryLater(problem: Problem, run: () => void): void {
  const stop = tryAgain(problem, () => {
    stop();
    run();
  });
}

/** While `problem` is one that passes, `again` is tried. */
export function useRetry(problem: Problem | null, again: (() => void) | undefined): void {
  const latest = useRef(again);
  latest.current = again;
  const isTried = isPassing(problem) && again !== undefined;
  useEffect(() => (isTried ? tryAgain(problem, () => latest.current?.()) : undefined), [problem, isTried]);
}

function tryAll(): void {
  window.clearTimeout(timer);
  timer = 0;
  // A page that nobody sees waits until it is seen.
  if (document.hidden || waiting.size === 0) return;
  triedAt = Date.now();
  pauseMs = Math.min(LONGEST_MS, 2 * pauseMs);
  timer = window.setTimeout(tryAll, pauseMs);
  for (const run of new Map([...waiting].map((each) => [each.problem, each.run])).values()) run();
}

window.addEventListener("online", tryAll);
document.addEventListener("visibilitychange", tryAll);
