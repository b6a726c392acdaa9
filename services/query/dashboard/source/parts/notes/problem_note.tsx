/** A failed request in words, with the id to quote. With `again` it is tried again by itself, and says so. What several parts of a page met is told once, and tried again for all of them. */

import { signal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { isPassing, useRetry } from "../../api/recovery";
import type { Problem } from "../../api/request";

interface Told {
  message: string;
  again: () => void;
}

/** What can be tried again, in the order in which it failed. */
const told = signal<readonly Told[]>([]);

export function ProblemNote({ problem, again }: { problem: Problem; again?: () => void }) {
  useRetry(problem, again);
  const latest = useRef(again);
  latest.current = again;
  const own = useRef<Told | null>(null);
  const { message } = problem;
  useLayoutEffect(() => {
    if (!latest.current) return;
    const added = { message, again: () => latest.current?.() };
    own.current = added;
    told.value = [...told.peek(), added];
    return () => void (told.value = told.peek().filter((each) => each !== added));
  }, [message]);
  const alike = told.value.filter((each) => each.message === message);
  if (again && alike.length > 0 && alike[0] !== own.current) return <p class="quiet">This could not be read either.</p>;
  return (
    <div class="note is-problem" role="alert">
      <p>
        {message}
        {again && isPassing(problem) && " This page tries again by itself."}
      </p>
      <p class="note-small">
        {problem.requestId && (
          <>
            Request id <code>{problem.requestId}</code>
          </>
        )}
        {again && (
          <button type="button" class="button is-small" onClick={() => alike.forEach((each) => each.again())}>
            Try again
          </button>
        )}
      </p>
    </div>
  );
}
