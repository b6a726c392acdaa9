/** Saved views: addresses of pages under a name, which all share who see everything. A list to open, rename and delete them, and to save this page. */

import { computed, signal } from "@preact/signals";
import { useState } from "preact/hooks";
import { me, mayImport, seesTexts } from "../api/identity";
import { type Problem, attempt, send } from "../api/request";
import { useRead } from "../api/use_read";
import { ProblemNote } from "../parts/notes/problem_note";
import { Dialog } from "./dialog";

export const isViewsOpen = signal(false);

/** A bound key has none: they hold names and words of all projects. */
export const hasViews = computed(() => seesTexts.value && !me.value?.key?.users && !me.value?.key?.project_ids);

export function useViews() {
  return useRead(hasViews.value ? "/api/views" : null, { limit: 500 });
}

export function SavedViews() {
  const reading = useViews();
  const [name, setName] = useState("");
  // The one that gets another name, and the one that goes with the next click.
  const [renamed, setRenamed] = useState<{ id: string; address: string } | null>(null);
  const [doomed, setDoomed] = useState("");
  const [problem, setProblem] = useState<Problem | null>(null);
  const close = () => (isViewsOpen.value = false);

  async function change(method: string, id?: string, body?: { name: string; address: string }): Promise<void> {
    setProblem(await attempt(async () => {
      await send(method, id ? `/api/views/${id}` : "/api/views", body);
      setName("");
      setRenamed(null);
    }));
    reading.again();
  }

  return (
    <Dialog label="Saved views" onClose={close} class="views">
      <h2>Saved views</h2>
      {mayImport.value && (
        <form
          class="filters"
          onSubmit={(event) => {
            event.preventDefault();
            void change(renamed ? "PUT" : "POST", renamed?.id, { name, address: renamed?.address ?? location.pathname + location.search });
          }}
        >
          <input class="input" required maxLength={100} aria-label="Name of the view" placeholder="Name of this page" value={name} onInput={(event) => setName(event.currentTarget.value)} />
          <button type="submit" class="button is-main">
            {renamed ? "Rename" : "Save this page"}
          </button>
        </form>
      )}
      {problem && <ProblemNote problem={problem} />}
      {reading.problem && <ProblemNote problem={reading.problem} again={reading.again} />}
      <ul class="view-list">
        {reading.data?.items.map((view) => (
          <li key={view.id}>
            <a href={view.address} onClick={close} title={view.created_by ? `Saved with the key ${view.created_by}` : undefined}>
              {view.name}
            </a>
            {mayImport.value && (
              <>
                <button type="button" class="button is-quiet is-small" aria-label={`Rename ${view.name}`} onClick={() => (setName(view.name), setRenamed(view))}>
                  Rename
                </button>
                <button
                  type="button"
                  class="button is-quiet is-small"
                  aria-label={`${doomed === view.id ? "Really delete" : "Delete"} ${view.name}`}
                  onClick={() => (doomed === view.id ? void change("DELETE", view.id) : setDoomed(view.id))}
                >
                  {doomed === view.id ? "Really?" : "Delete"}
                </button>
              </>
            )}
          </li>
        ))}
      </ul>
      {reading.data?.items.length === 0 && <p class="quiet">There is none yet. A view keeps a page with its range and filters; “the last 7 days” stays the last seven. Everybody sees it.</p>}
      <button type="button" class="button" onClick={close}>
        Close
      </button>
    </Dialog>
  );
}
