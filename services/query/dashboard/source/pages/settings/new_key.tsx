/** A form that makes a key, and the key itself, once. */

import { useSignal } from "@preact/signals";
import type { Schemas } from "../../api/answers";
import { type Problem, attempt, send } from "../../api/request";
import { useRead } from "../../api/use_read";
import { CopyText } from "../../parts/text/copy_text";
import { ProblemNote } from "../../parts/notes/problem_note";

const SCOPES = [
  ["ingest", "sends events and files: for a machine"],
  ["read", "reads everything, texts and paths too"],
  ["numbers", "reads counts, times and names; no texts"],
  ["metrics", "reads counts and times; no names of projects"],
  ["admin", "everything, keys too"],
] as const;

type Scope = (typeof SCOPES)[number][0];
type Made = Schemas["KeyCreated"];

export function NewKey({ onMade }: { onMade: (key: string | null) => void }) {
  const isOpen = useSignal(false);
  const made = useSignal<Made | null>(null);
  if (made.value) {
    return (
      <div class="note is-good-news new-key" role="status">
        <p>
          This is the key <b>{made.value.name}</b>. It is shown only once: copy it to where you keep secrets.
        </p>
        <CopyText text={made.value.key} label="the new key" />
        <p>
          <button
            type="button"
            class="button is-small"
            onClick={() => {
              made.value = null;
              isOpen.value = false;
              onMade(null);
            }}
          >
            I have it
          </button>
        </p>
      </div>
    );
  }
  if (!isOpen.value) {
    return (
      <p class="new-key">
        <button type="button" class="button is-small" onClick={() => (isOpen.value = true)}>
          Make a key
        </button>
      </p>
    );
  }
  return (
    <Form
      onClose={() => (isOpen.value = false)}
      onMade={(key) => {
        made.value = key;
        // The line to paste is for machines that send.
        onMade(key.scopes.includes("ingest") ? key.key : null);
      }}
    />
  );
}

function Form({ onClose, onMade }: { onClose: () => void; onMade: (key: Made) => void }) {
  const scopes = useSignal<readonly Scope[]>(["ingest"]);
  const problem = useSignal<Problem | null>(null);
  const isBusy = useSignal(false);
  const projects = useRead("/api/projects", {});
  const isAdmins = scopes.value.includes("admin");

  async function submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const users = String(form.get("user") ?? "").split(",").map((user) => user.trim()).filter(Boolean);
    const projectIds = form.getAll("project").map(Number);
    isBusy.value = true;
    problem.value = await attempt(async () => {
      const response = await send("POST", "/api/keys", {
        name: String(form.get("name") ?? "").trim(),
        scopes: scopes.value,
        ...(users.length ? { users } : {}),
        ...(projectIds.length ? { project_ids: projectIds } : {}),
      });
      onMade((await response.json()) as Made);
    });
    isBusy.value = false;
  }

  return (
    <form class="key-form" onSubmit={(event) => void submit(event)} aria-label="Make a key">
      <label>
        Name
        <input class="input" name="name" required maxLength={200} placeholder="Ann's laptop" autofocus />
      </label>
      <fieldset>
        <legend>It may</legend>
        {SCOPES.map(([scope, about]) => (
          <label key={scope} class="key-choice">
            <input
              type="checkbox"
              checked={scopes.value.includes(scope)}
              onChange={(event) => {
                scopes.value = event.currentTarget.checked ? [...scopes.value, scope] : scopes.value.filter((each) => each !== scope);
              }}
            />
            <span>
              <b>{scope}</b> <span class="quiet">{about}</span>
            </span>
          </label>
        ))}
      </fieldset>
      {!isAdmins && (
        <>
          <label>
            <span>
              Only for this person <span class="quiet">(it writes as theirs and reads their sessions; a key that only reads may have several, with commas)</span>
            </span>
            <input class="input" name="user" />
          </label>
          {(projects.data?.length ?? 0) > 0 && (
            <label>
              <span>
                Only these projects <span class="quiet">(none chosen: all)</span>
              </span>
              <select class="input" name="project" multiple size={Math.min(5, projects.data?.length ?? 1)}>
                {projects.data?.map((project) => (
                  <option key={project.id} value={project.id}>
                    {project.name ?? project.id}
                  </option>
                ))}
              </select>
            </label>
          )}
        </>
      )}
      {problem.value && <ProblemNote problem={problem.value} />}
      <p class="ask-buttons">
        <button type="button" class="button" onClick={onClose}>
          Cancel
        </button>
        <button type="submit" class="button is-main" disabled={isBusy.value || scopes.value.length === 0}>
          Make the key
        </button>
      </p>
    </form>
  );
}
