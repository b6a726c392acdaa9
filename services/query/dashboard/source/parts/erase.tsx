/** Erases a session, a person or a project for good: counts it first, asks for its name, and says what may still have it. */

import { signal, useSignal } from "@preact/signals";
import type { Schemas } from "../api/answers";
import { isAdmin } from "../api/identity";
import { type Problem, attempt, send } from "../api/request";
import { useRead } from "../api/use_read";
import { count } from "../format/quantities";
import { Dialog } from "../shell/dialog";
import { ProblemNote } from "./notes/problem_note";

interface Props {
  what: Partial<Schemas["Erased"]>;
  /** What a person types to confirm it. */
  name: string;
}

const asked = signal<Props | null>(null);

/** A button, where the viewer may erase. */
export function Erase(props: Props) {
  if (!isAdmin.value) return null;
  return (
    <button type="button" class="button is-small is-quiet" disabled={!props.name} onClick={() => (asked.value = props)}>
      Erase …
    </button>
  );
}

/** The dialog that the button opens, beside all pages: the page of what was erased is gone when it has ended. */
export function Erasing() {
  return asked.value && <Ask {...asked.value} onClose={() => (asked.value = null)} />;
}

function Ask({ what, name, onClose }: Props & { onClose: () => void }) {
  const typed = useSignal("");
  const started = useSignal<Schemas["ErasureStarted"] | null>(null);
  const problem = useSignal<Problem | null>(null);
  const id = started.value?.erasure_id;
  const found = useRead(id ? "/api/erasures/{erasure_id}" : null, {}, { inPath: { erasure_id: id ?? "" }, everyMs: 1_000 });
  const erasure = found.data?.erasure_id === id ? found.data : null;
  const isRunning = !!id && (!erasure || erasure.status === "queued" || erasure.status === "running");
  const isErased = started.value?.dry_run === false;

  async function start(isDry: boolean): Promise<void> {
    problem.value = await attempt(async () => {
      const answer = await send("POST", "/api/erasures", { what, confirm: typed.value, dry_run: isDry });
      started.value = await answer.json();
    });
  }

  return (
    <Dialog label="Erase" onClose={onClose} class="ask">
      <h2>Erase {name} for good?</h2>
      <p>
        All of it goes from every store, and what machines still send of it is refused.{what.project_id && " All folders that are part of it go too."} Archives of exports
        are deleted. There is no undo. Type the name to confirm.
      </p>
      {problem.value && <ProblemNote problem={problem.value} />}
      {id && <p role="status">{erasure && !isRunning ? says(erasure) : isErased ? "It is being erased." : "It is being counted."}</p>}
      {erasure && !isRunning && isErased ? (
        <ul>
          {Object.entries(erasure.remains).map(([place, why]) => (
            <li key={place}>
              {place.replaceAll("_", " ")}: {why}
            </li>
          ))}
        </ul>
      ) : (
        <input class="input" aria-label="The name once more" placeholder={name} value={typed.value} onInput={(event) => (typed.value = event.currentTarget.value)} />
      )}
      <p class="ask-buttons">
        <button type="button" class="button" onClick={onClose}>
          {isErased ? "Close" : "Keep it"}
        </button>
        {!isErased && (
          <>
            <button type="button" class="button" disabled={isRunning} onClick={() => void start(true)}>
              Count it
            </button>
            <button type="button" class="button is-danger" disabled={isRunning || typed.value !== name} onClick={() => void start(false)}>
              Erase for good
            </button>
          </>
        )}
      </p>
    </Dialog>
  );
}

function says({ status, dry_run, counts }: Schemas["Erasure"]): string {
  if (status === "failed") return "It failed. See the worker's log, and begin it again.";
  const parts = Object.entries(counts).map(([store, number]) => `${store.replaceAll("_", " ")} ${count(number)}`);
  return `${dry_run ? "This would go" : "This is gone"}: ${parts.join(", ") || "nothing"}.${dry_run ? "" : " What may still have it:"}`;
}
