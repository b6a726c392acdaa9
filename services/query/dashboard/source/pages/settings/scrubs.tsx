/** Texts that no rule knows, or today's rules, for what is stored: count first, then replace. */

import { useSignal } from "@preact/signals";
import { useRead } from "../../api/use_read";
import type { Schemas } from "../../api/answers";
import { type Problem, attempt, send } from "../../api/request";
import { count, plural } from "../../format/quantities";
import { Panel } from "../../parts/panel";
import { ProblemNote } from "../../parts/notes/problem_note";
import { Dialog } from "../../shell/dialog";

const EVERY_MS = 1_000;

export function Scrubs() {
  const started = useSignal<string | null>(null);
  const isAsking = useSignal(false);
  const lines = useSignal("");
  const staysOut = useSignal(true);
  const problem = useSignal<Problem | null>(null);
  const scrub = useRead(started.value ? "/api/scrubs/{scrub_id}" : null, {}, { inPath: { scrub_id: started.value ?? "" }, everyMs: EVERY_MS });
  const shown = started.value && scrub.data?.scrub_id === started.value ? scrub.data : null;
  const texts = lines.value.split("\n").filter((line) => line.trim());
  const what = texts.length ? plural(texts.length, "text") : "every secret that today's rules know";
  const runs = started.value !== null && (!shown || shown.status === "queued" || shown.status === "running");

  async function start(isDry: boolean): Promise<void> {
    isAsking.value = false;
    problem.value = await attempt(async () => {
      const response = await send("POST", "/api/scrubs", { dry_run: isDry, texts, keep_out: staysOut.value });
      if (!isDry) lines.value = "";
      started.value = ((await response.json()) as Schemas["ScrubStarted"]).scrub_id;
    });
  }

  return (
    <Panel title="Scrub" about="takes words or secrets out of all that is stored" class="scrub">
      <label>
        Words to take out, one on each line. Left empty: every secret that today's rules know.
        <textarea class="input" rows={2} autocomplete="off" spellcheck={false} value={lines.value} onInput={(event) => (lines.value = event.currentTarget.value)} />
      </label>
      {texts.length > 0 && (
        <label class="key-choice">
          <input type="checkbox" checked={staysOut.value} onChange={(event) => (staysOut.value = event.currentTarget.checked)} />
          Replace them in what comes in from now on, too
        </label>
      )}
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
        <Dialog label="Replace texts" onClose={() => (isAsking.value = false)} class="ask">
          <h2>Replace this in everything that is stored?</h2>
          <p>Everywhere, {what} will be replaced. This cannot be undone. Count first to see how many there are.</p>
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

function listed(name: string, numbers: Record<string, number>): string {
  const each = Object.entries(numbers).map(([key, number]) => `${key} ${count(number)}`);
  return each.length ? ` ${name}: ${each.join(", ")}.` : "";
}

function remaining(scrub: Schemas["Scrub"]): [string, string][] {
  return Object.entries(scrub.remains).sort();
}

function says(scrub: Schemas["Scrub"]): string {
  const secrets = listed("Found", scrub.redactions) + listed("Where", scrub.changed_in) + listed("Would lock large tables for seconds", scrub.long_locks);
  const so = `${plural(scrub.rows_scanned, "entry", "entries")} looked at, ${count(scrub.rows_changed)} ${scrub.dry_run ? "would change" : "changed"}.${secrets}`;
  switch (scrub.status) {
    case "queued":
      return "It waits for its turn.";
    case "running":
      return `It runs. ${so}`;
    case "failed":
      return `It failed. ${so} See the worker's log.`;
    case "succeeded":
      return `Done. ${so}`;
  }
}
