/** A failed request in words, with the id to quote. With `again` it is tried again by itself, and says so. */

import { isPassing, useRetry } from "../../api/recovery";
import type { Problem } from "../../api/request";

export function ProblemNote({ problem, again }: { problem: Problem; again?: () => void }) {
  useRetry(problem, again);
  return (
    <div class="note is-problem" role="alert">
      <p>
        {problem.message}
        {again && isPassing(problem) && " This page tries again by itself."}
      </p>
      <p class="note-small">
        {problem.requestId && (
          <>
            Request id <code>{problem.requestId}</code>
          </>
        )}
        {again && (
          <button type="button" class="button is-small" onClick={again}>
            Try again
          </button>
        )}
      </p>
    </div>
  );
}
