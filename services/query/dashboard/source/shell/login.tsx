/** Asks for an API key where the tracker needs one. The key goes to the tracker once; the browser keeps a cookie that scripts cannot read. */

import { useEffect, useRef, useState } from "preact/hooks";
import { logIn, me } from "../api/identity";
import { type Problem, attempt } from "../api/request";
import { ProblemNote } from "../parts/notes/problem_note";

export function Login() {
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isBusy, setBusy] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  // `autofocus` holds for the first view of a document alone.
  useEffect(() => field.current?.focus(), []);

  async function submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const key = String(new FormData(event.currentTarget as HTMLFormElement).get("key") ?? "");
    setBusy(true);
    setProblem(await attempt(() => logIn(key)));
    setBusy(false);
  }

  // Whoever logged out is nobody. Somebody is still here only if the key was taken away meanwhile.
  const isGone = me.value !== null;
  return (
    <main class="login">
      <form onSubmit={(event) => void submit(event)}>
        <h1>Claude Code Tracker</h1>
        {isGone && (
          <div class="note is-problem" role="alert">
            <p>The key that this page was open with is no longer valid: it was revoked, or it has expired. Log in with another one, and you are where you were.</p>
          </div>
        )}
        <p>This tracker needs an API key. Whoever runs it can make one: <code>tracker keys create --scope read</code>, or <code>make key</code>.</p>
        <label>
          API key
          <input ref={field} name="key" type="password" autocomplete="current-password" placeholder="cct_…" required />
        </label>
        <button type="submit" class="button is-main" disabled={isBusy}>
          {isBusy ? "Checking the key …" : "Log in"}
        </button>
        {problem && <ProblemNote problem={problem} />}
      </form>
    </main>
  );
}
