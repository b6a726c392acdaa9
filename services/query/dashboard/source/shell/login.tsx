/** Asks for an API key where the tracker needs one. The key goes to the tracker once; the browser keeps a cookie that scripts cannot read. */

import { useState } from "preact/hooks";
import { logIn } from "../api/identity";
import { Problem } from "../api/request";
import { ProblemNote } from "../parts/problem_note";

export function Login() {
  const [problem, setProblem] = useState<Problem | null>(null);
  const [isBusy, setBusy] = useState(false);

  async function submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const key = String(new FormData(event.currentTarget as HTMLFormElement).get("key") ?? "");
    setBusy(true);
    try {
      await logIn(key);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      setProblem(error);
      setBusy(false);
    }
  }

  return (
    <main class="login">
      <form onSubmit={(event) => void submit(event)}>
        <h1>Claude Code Tracker</h1>
        <p>This tracker needs an API key. Whoever runs it can make one: <code>tracker keys create --scope read</code>, or <code>make key</code>.</p>
        <label>
          API key
          <input name="key" type="password" autocomplete="current-password" placeholder="cct_…" required autofocus />
        </label>
        <button type="submit" class="button is-main" disabled={isBusy}>
          {isBusy ? "Checking the key …" : "Log in"}
        </button>
        {problem && <ProblemNote problem={problem} />}
      </form>
    </main>
  );
}
