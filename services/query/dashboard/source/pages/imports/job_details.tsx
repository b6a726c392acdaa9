/** What became of one job: counts, what could not be read, what was left out; and what an admin can do with it. */

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { isAdmin } from "../../api/identity";
import { type Problem, attempt, send } from "../../api/request";
import { count, plural } from "../../format/quantities";
import { Counted } from "../../parts/counted";
import { ProblemNote } from "../../parts/notes/problem_note";
import { Dialog } from "../../shell/dialog";
import { type Job, isRunning } from "./follow_job";

const COUNTS: readonly [keyof Job, string][] = [
  ["projects_imported", "New projects"],
  ["sessions_imported", "New sessions"],
  ["sessions_updated", "Sessions that went on"],
  ["conversations_imported", "Messages"],
  ["tool_calls_imported", "Tool calls"],
  ["activities_imported", "File changes"],
  ["api_calls_imported", "API calls"],
  ["duplicates", "Seen twice, stored once"],
  ["files_done", "Files read"],
  ["rows_done", "Entries read"],
];

export function JobDetails({ job, onChanged }: { job: Job; onChanged: () => void }) {
  return (
    <div class="job-details">
      <dl class="job-counts">
        {COUNTS.map(([name, label]) => (
          <div key={name}>
            <dt>{label}</dt>
            <dd>{count(job[name] as number)}</dd>
          </div>
        ))}
      </dl>
      {job.errors_total > 0 ? <Located errors={job.errors} total={job.errors_total} /> : <p class="quiet">{isRunning(job) ? "Nothing unreadable so far." : "Everything could be read."}</p>}
      <Counted title="Entries that changed" counts={job.changes} />
      <Counted title="Left out" counts={job.skipped_records} />
      <Counted title="Not understood yet" counts={job.unknown_records} />
      <Counted title="Secrets that were replaced" counts={job.redactions} />
      {isAdmin.value && <Actions job={job} onChanged={onChanged} />}
      <p class="quiet job-id">
        Import <code>{job.job_id}</code>
        {job.undoes && (
          <>
            , undoes <code>{job.undoes}</code>
          </>
        )}
      </p>
    </div>
  );
}

/** Errors of reading, by file and line. */
export function Located({ errors, total }: { errors: Job["errors"]; total: number }) {
  return (
    <>
      <h3>{plural(total, "place")} that could not be read</h3>
      <ul class="located" tabIndex={0} aria-label="What could not be read">
        {errors.map((error, index) => (
          <li key={index}>
            <code>
              {String(error.file ?? "")}
              {error.line !== undefined ? `:${String(error.line)}` : error.offset !== undefined ? ` at byte ${String(error.offset)}` : ""}
            </code>{" "}
            {String(error.message ?? "")} <span class="badge">{String(error.code ?? "")}</span>
          </li>
        ))}
        {total > errors.length && <li class="quiet">and {count(total - errors.length)} more, not listed</li>}
      </ul>
    </>
  );
}

function Actions({ job, onChanged }: { job: Job; onChanged: () => void }) {
  const isAsking = useSignal(false);
  const isBusy = useSignal(false);
  const said = useSignal<string | null>(null);
  const problem = useSignal<Problem | null>(null);
  const canUndo = job.kind === "import" && !isRunning(job) && job.undone_at === null;

  async function act(method: string, address: string): Promise<void> {
    isBusy.value = true;
    problem.value = await attempt(async () => {
      const answer = (await (await send(method, address)).json()) as { message: string };
      said.value = answer.message;
      onChanged();
    });
    isBusy.value = false;
    isAsking.value = false;
  }

  const address = `/api/import/jobs/${job.job_id}`;
  return (
    <div class="job-actions">
      {isRunning(job) && (
        <button type="button" class="button is-small" disabled={isBusy.value || job.cancel_requested_at !== null} onClick={() => void act("POST", `${address}/cancel`)}>
          {job.cancel_requested_at ? "Cancelling …" : "Cancel"}
        </button>
      )}
      {job.can_retry && (
        <button type="button" class="button is-small" disabled={isBusy.value} onClick={() => void act("POST", `${address}/retry`)}>
          Retry where it stopped
        </button>
      )}
      {canUndo && (
        <button type="button" class="button is-small" onClick={() => (isAsking.value = true)}>
          Undo …
        </button>
      )}
      {said.value && <span role="status">{said.value}</span>}
      {problem.value && <ProblemNote problem={problem.value} />}
      {isAsking.value && (
        <Dialog label="Undo this import" onClose={() => (isAsking.value = false)} class="ask">
          <h2>Undo this import?</h2>
          <p>{removes(job)}</p>
          <p class="quiet">What another import or a running session brought too stays. You can import the files again. The audit log keeps who undid it.</p>
          <p class="ask-buttons">
            <button type="button" class="button" onClick={() => (isAsking.value = false)}>
              Keep it
            </button>
            <button type="button" class="button is-danger" disabled={isBusy.value} onClick={() => void act("DELETE", address)}>
              Remove what it brought
            </button>
          </p>
        </Dialog>
      )}
    </div>
  );
}

function removes(job: Job): ComponentChildren {
  return `It removes what this import brought: ${plural(job.sessions_imported, "new session")}, ${plural(job.conversations_imported, "message")}, ${plural(job.tool_calls_imported, "tool call")}, ${plural(job.activities_imported, "file change")} and ${plural(job.api_calls_imported, "API call")}.`;
}
