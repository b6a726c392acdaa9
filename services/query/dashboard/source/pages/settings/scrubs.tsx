/** Today's rules of redaction for what was stored under older ones: count first, then replace. */

import { useSignal } from "@preact/signals";
import { useRead } from "../../api/use_read";
import type { Schemas } from "../../api/answers";
import { Problem, send } from "../../api/request";
import { count, plural } from "../../format/quantities";
import { Panel } from "../../parts/panel";
import { ProblemNote } from "../../parts/notes/problem_note";
import { Dialog } from "../../shell/dialog";

const EVERY_MS = 1_000;

export function Scrubs() {
  const started = useSignal<string | null>(null);
  const isAsking = useSignal(false);
  const problem = useSignal<Problem | null>(null);
  const scrub = useRead(started.value ? "/api/scrubs/{scrub_id}" : null, {}, { inPath: { scrub_id: started.value ?? "" }, everyMs: EVERY_MS });
  const shown = started.value && scrub.data?.scrub_id === started.value ? scrub.data : null;
  const runs = started.value !== null && (!shown || shown.status === "queued" || shown.status === "running");

  async function start(isDry: boolean): Promise<void> {
    isAsking.value = false;
    problem.value = null;
    try {
      const response = await send("POST", "/api/scrubs", { dry_run: isDry });
      started.value = ((await response.json()) as Schemas["ScrubStarted"]).scrub_id;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      problem.value = error;
    }
  }

  return (
    <Panel title="Scrub" about="finds secrets that older rules let through" class="scrub">
      <p>
        <button type="button" class="button is-small" disabled={runs} onClick={() => void start(true)}>
          Count them
        </button>{" "}
        <button type="button" class="button is-small" disabled={runs} onClick={() => (isAsking.value = true)}>
          Replace them …
        </button>
      </p>
      {problem.value && <ProblemNote problem={problem.value} />}
      {started.value && <p role="status">{shown ? says(shown) : "Starting …"}</p>}
      {shown?.status === "succeeded" && remaining(shown).length > 0 && (
        <details>
          <summary>What it could not reach</summary>
          <ul>
            {remaining(shown).map(([name, why]) => (
              <li key={name}>
                {name.replaceAll("_", " ")}: {why}
              </li>
            ))}
          </ul>
        </details>
      )}
      {isAsking.value && (
        <Dialog label="Replace secrets" onClose={() => (isAsking.value = false)} class="ask">
          <h2>Replace secrets in everything that is stored?</h2>
          <p>Whatever today's rules take for a secret is replaced, in every row. This cannot be undone. Count first to see how many there are.</p>
          <p class="ask-buttons">
            <button type="button" class="button" onClick={() => (isAsking.value = false)}>
              Leave it
            </button>
            <button type="button" class="button is-danger" onClick={() => void start(false)}>
              Replace for good
            </button>
          </p>
        </Dialog>
      )}
    </Panel>
  );
}

function remaining(scrub: Schemas["Scrub"]): [string, string][] {
  return Object.entries(scrub.remains).sort();
}

function says(scrub: Schemas["Scrub"]): string {
  const found = Object.entries(scrub.redactions).map(([kind, number]) => `${kind} ${count(number)}`);
  const secrets = found.length ? ` Found: ${found.join(", ")}.` : "";
  const so = `${plural(scrub.rows_scanned, "row")} looked at, ${count(scrub.rows_changed)} ${scrub.dry_run ? "would change" : "changed"}.${secrets}`;
  switch (scrub.status) {
    case "queued":
      return "It waits for a worker.";
    case "running":
      return `It runs. ${so}`;
    case "failed":
      return `It failed. ${so} See the worker's log.`;
    case "succeeded":
      return `Done. ${so}`;
  }
}
