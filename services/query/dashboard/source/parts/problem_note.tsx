/** A failed request in words, with the id to quote. */

import type { Problem } from "../api/request";

export function ProblemNote({ problem, again }: { problem: Problem; again?: () => void }) {
  return (
    <div class="note is-problem" role="alert">
      <p>{problem.message}</p>
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
