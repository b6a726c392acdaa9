/** What counts as this project, and why; its name, group, archive and readers. An admin changes it, and takes each change back. */

import { useSignal } from "@preact/signals";
import type { Schemas } from "../../api/answers";
import { isAdmin } from "../../api/identity";
import { type Problem, attempt, send } from "../../api/request";
import { useRead } from "../../api/use_read";
import { ProblemNote } from "../../parts/notes/problem_note";
import { Loaded, Panel } from "../../parts/panel";
import { Time } from "../../parts/time";
import { Dialog } from "../../shell/dialog";

type Details = Schemas["ProjectDetails"];

const READERS = { private: "Private: a person's key reads only their own sessions.", shared: "Shared: every key of the project reads all its sessions." };

export function OneProject({ id }: { id: string }) {
  const details = useRead("/api/projects/{project_id}", {}, { inPath: { project_id: id } });
  return (
    <Panel title="Also known as" about={details.data?.repository}>
      <Loaded reading={details} what="its other paths" height={80}>
        {(data) => <Shown key={data.id} project={data} again={details.again} />}
      </Loaded>
    </Panel>
  );
}

function Shown({ project, again }: { project: Details; again: () => void }) {
  const problem = useSignal<Problem | null>(null);
  const isChanging = useSignal(false);
  const newest = project.changes.find((each) => !each.undone_at);
  // The whole's counts for a part.
  const readers = !project.part_of && project.visibility && READERS[project.visibility];

  async function change(method: string, path: string, body: object): Promise<boolean> {
    problem.value = await attempt(() => send(method, `/api/projects/${path}`, body));
    if (!problem.value) again();
    return !problem.value;
  }

  return (
    <>
      {project.part_of && (
        <p>
          Part of <a href={`/projects/${project.merged_into}`}>another project</a>. {project.part_of.because}
        </p>
      )}
      {project.parts.length === 0 && !project.part_of && <p class="quiet">Only this path. Worktrees and clones of it are added by themselves.</p>}
      <ul class="one-project">
        {project.parts.map((part) => (
          <li key={part.id}>
            <code>{part.path}</code>{" "}
            {isAdmin.value && (
              <button type="button" class="button is-small" aria-label={`Take out ${part.path}`} onClick={() => void change("PATCH", String(part.id), { merged_into: null })}>
                Take out
              </button>
            )}
            <span class="quiet">
              {part.because} {part.is_moving && "Its sessions are being moved."}
            </span>
          </li>
        ))}
      </ul>
      {(project.group || project.archived || readers) && (
        <p>{[project.group && `Group: ${project.group}.`, project.archived && "Archived.", readers].filter(Boolean).join(" ")}</p>
      )}
      {problem.value && <ProblemNote problem={problem.value} />}
      {isAdmin.value && (
        <p>
          <button type="button" class="button is-small" onClick={() => (isChanging.value = true)}>
            Change …
          </button>{" "}
          {newest && (
            <button type="button" class="button is-small" onClick={() => void change("POST", `${project.id}/undo`, {})}>
              Undo: {newest.what.join(", ")} (<Time at={newest.at} relative />)
            </button>
          )}
        </p>
      )}
      {isChanging.value && (
        <Dialog label="Change the project" onClose={() => (isChanging.value = false)} class="ask">
          <Form
            project={project}
            save={async (wanted) => {
              if (await change("PATCH", String(project.id), wanted)) isChanging.value = false;
            }}
          />
          {problem.value && <ProblemNote problem={problem.value} />}
        </Dialog>
      )}
    </>
  );
}

function Form({ project, save }: { project: Details; save: (wanted: object) => Promise<void> }) {
  const others = useRead("/api/projects", { archived: "all" });

  function submit(event: SubmitEvent): void {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const text = (name: string) => String(form.get(name) ?? "").trim() || null;
    const into = Number(form.get("into"));
    const [name, group, archived, visibility] = [text("name"), text("group"), form.has("archived"), text("visibility")];
    void save({
      ...(name !== project.name && { name }),
      ...(group !== project.group && { group }),
      ...(archived !== project.archived && { archived }),
      // Of a part, the whole's counts.
      ...(!project.part_of && visibility !== project.visibility && { visibility }),
      ...(into && { merged_into: into }),
    });
  }

  return (
    <form class="one-project" onSubmit={submit}>
      <h2>Change the project</h2>
      <label>
        Name <input class="input" name="name" maxLength={200} value={project.name ?? ""} autofocus />
      </label>
      <label>
        Group <input class="input" name="group" maxLength={200} value={project.group ?? ""} />
      </label>
      <label>
        Part of{" "}
        <select class="input" name="into">
          <option value="">itself</option>
          {(others.data ?? []).filter((each) => each.id !== project.id).map((each) => <option value={each.id}>{each.label ?? each.name}</option>)}
        </select>
      </label>
      {!project.part_of && (
        <label>
          Its sessions are{" "}
          <select class="input" name="visibility">
            {["", "private", "shared"].map((each) => (
              <option value={each} selected={each === (project.visibility ?? "")}>{each || "as the tracker is set up"}</option>
            ))}
          </select>
        </label>
      )}
      <label>
        <input type="checkbox" name="archived" checked={project.archived} /> Archived: left out of lists, counted in sums
      </label>
      <p class="quiet">You can undo each change here.</p>
      <p class="ask-buttons">
        <button class="button">Save</button>
      </p>
    </form>
  );
}
