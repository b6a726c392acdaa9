/** Erases a session, a person or a project for good: counts it first, asks for a word, says what went and what may still have it, and leads on. */

import { signal, useSignal } from "@preact/signals";
import { go } from "../address/address";
import type { Schemas } from "../api/answers";
import { isAdmin } from "../api/identity";
import { type Problem, attempt, send } from "../api/request";
import { readAllAgain, useRead } from "../api/use_read";
import { count } from "../format/quantities";
import { Dialog } from "../shell/dialog";
import { ProblemNote } from "./notes/problem_note";

interface Props {
  what: Partial<Schemas["Erased"]>;
  /** As the tracker knows it: an id, a path, a name. */
  name: string;
  /** What a person calls it, and what tells it from others of that title. */
  title: string;
  about?: string | undefined;
  /** The page to go to when it is gone. */
  next: readonly [path: string, label: string];
}

/** What a person types to confirm it. */
const WORD = "erase";

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

function Ask({ what, name, title, about, next, onClose }: Props & { onClose: () => void }) {
  const typed = useSignal("");
  const started = useSignal<Schemas["ErasureStarted"] | null>(null);
  const problem = useSignal<Problem | null>(null);
  const id = started.value?.erasure_id;
  const found = useRead(id ? "/api/erasures/{erasure_id}" : null, {}, { inPath: { erasure_id: id ?? "" }, everyMs: 1_000 });
  const erasure = found.data?.erasure_id === id ? found.data : null;
  const isRunning = !!id && (!erasure || erasure.status === "queued" || erasure.status === "running");
  const isErased = started.value?.dry_run === false;

  // The page behind it has nothing any more.
  const close = () => {
    onClose();
    if (!isErased) return;
    readAllAgain();
    go(next[0]);
  };

  async function start(isDry: boolean): Promise<void> {
    problem.value = await attempt(async () => {
      const answer = await send("POST", "/api/erasures", { what, confirm: name, dry_run: isDry });
      started.value = await answer.json();
    });
  }

  return (
    <Dialog label="Erase" onClose={close} class="ask">
      <h2>{isErased && !isRunning && erasure?.status === "succeeded" ? "Erased" : "Erase for good?"}</h2>
      <p>
        <b>{title}</b>
        {about && <span class="quiet"> · {about}</span>}
      </p>
      {!isErased && (
        <p>
          All of it goes from every store, and what machines still send of it is refused.{what.project_id && " All folders that are part of it go too."} Archives of
          exports are deleted. There is no undo.
        </p>
      )}
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
        <label>
          <span>
            Type <b>{WORD}</b> to confirm
          </span>
          <input class="input" autocomplete="off" autocapitalize="off" value={typed.value} onInput={(event) => (typed.value = event.currentTarget.value)} />
        </label>
      )}
      <p class="ask-buttons">
        <button type="button" class={isErased ? "button is-main" : "button"} onClick={close}>
          {isErased ? next[1] : "Keep it"}
        </button>
        {!isErased && (
          <>
            <button type="button" class="button" disabled={isRunning} onClick={() => void start(true)}>
              Count it
            </button>
            <button type="button" class="button is-danger" disabled={isRunning || typed.value.trim().toLowerCase() !== WORD} onClick={() => void start(false)}>
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
  const parts = Object.entries(counts).flatMap(([store, number]) => (number ? `${store.replaceAll("_", " ")}: ${count(number)}` : []));
  return `${dry_run ? "This would go" : "This is gone"}: ${parts.join(", ") || "nothing"}.${dry_run ? "" : " What may still have it:"}`;
}
