/** Everything as one archive: to keep, or to import elsewhere. The newest are listed with how far they are. */

import { useSignal } from "@preact/signals";
import type { Schemas } from "../../api/answers";
import { type Problem, attempt, send } from "../../api/request";
import { useRead } from "../../api/use_read";
import { bytes, percent, plural } from "../../format/quantities";
import { ago } from "../../format/times";
import { Panel } from "../../parts/panel";
import { ProblemNote } from "../../parts/notes/problem_note";

const EVERY_MS = 2_000;
const SHOWN = 5;

export function Exports() {
  const problem = useSignal<Problem | null>(null);
  const exports = useRead("/api/exports", {}, { everyMs: EVERY_MS });

  async function change(method: "POST" | "DELETE", path: string): Promise<void> {
    problem.value = await attempt(async () => {
      await send(method, path, method === "POST" ? {} : undefined);
      exports.again();
    });
  }

  return (
    <Panel title="Export everything" about="all that is stored, as one zip" class="exports">
      <p>
        <button type="button" class="button is-small" onClick={() => void change("POST", "/api/exports")}>
          Export everything
        </button>
      </p>
      {problem.value && <ProblemNote problem={problem.value} />}
      {exports.problem && <ProblemNote problem={exports.problem} again={exports.again} />}
      <ul role="status">
        {exports.data?.items.slice(0, SHOWN).map((each) => (
          <li key={each.export_id}>
            {says(each)}{" "}
            {each.status === "succeeded" && (
              <a href={`/api/exports/${each.export_id}/archive`} download>
                Download
              </a>
            )}{" "}
            {(each.finished_at === null || each.status === "succeeded") && (
              <button type="button" class="button is-small" onClick={() => void change("DELETE", `/api/exports/${each.export_id}`)}>
                {each.finished_at === null ? "Cancel" : "Delete"}
              </button>
            )}
          </li>
        ))}
      </ul>
      <p class="quiet">
        It holds all that was said in the sessions: keep it safe. It has no keys. <code>tracker import</code> brings it into another tracker.
      </p>
    </Panel>
  );
}

function says(each: Schemas["Export"]): string {
  const of = each.selection.user ? `, ${each.selection.user}` : each.selection.project_id ? `, project ${each.selection.project_id}` : "";
  const when = `${ago(each.created_at)}${of}: `;
  switch (each.status) {
    case "queued":
      return `${when}waits for its turn.`;
    case "running":
      return `${when}${percent(each.progress)}, ${bytes(each.bytes_done)} written.`;
    case "succeeded":
      return `${when}${plural(each.sessions_total, "session")}, ${bytes(each.bytes)}.`;
    default:
      return `${when}${each.status}. ${each.errors.map((error) => error.message).join(" ")}`;
  }
}
