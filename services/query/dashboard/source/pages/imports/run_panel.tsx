/** The import that runs from this browser, in three steps with a bar each. Their places are there from the beginning. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { isAdmin } from "../../api/identity";
import { age, bytes, count, percent, plural } from "../../format/quantities";
import { Panel } from "../../parts/panel";
import { ProblemNote } from "../../parts/notes/problem_note";
import { Bar } from "./bar";
import { type Job, isRunning } from "./follow_job";
import { type Run, forgetRun, stopRun } from "./import_run";
import { Located } from "./job_details";

const TITLES: Record<Run["phase"], string> = {
  looking: "Looking for files of Claude Code",
  checking: "Asking which files are new",
  sending: "Sending",
  importing: "Importing",
  done: "Imported",
  stopped: "Stopped",
  failed: "The import failed",
};

export function RunPanel({ run }: { run: Run }) {
  const isOver = ["done", "stopped", "failed"].includes(run.phase);
  const mayStop = !isOver && (run.phase !== "importing" || isAdmin.value);
  const hasFailed = run.jobs.some((job) => job.status === "failed");
  return (
    <Panel
      title={run.phase === "done" && hasFailed ? "Imported in part" : TITLES[run.phase]}
      about={`${plural(run.files, "file")} found, ${bytes(run.bytes)}`}
      class="import-run"
      actions={
        <>
          {mayStop && (
            <button type="button" class="button is-small" onClick={stopRun}>
              {run.phase === "importing" ? "Cancel the import" : "Stop"}
            </button>
          )}
          {isOver && (
            <button type="button" class="button is-small" onClick={forgetRun}>
              Import more
            </button>
          )}
        </>
      }
    >
      {run.problem && <ProblemNote problem={run.problem} />}
      <Steps run={run} />
      {isOver && <Outcome run={run} />}
      {run.problems.length > 0 && (
        <ul class="located" tabIndex={0} aria-label="Files that were not imported">
          {run.problems.slice(0, 100).map((problem) => (
            <li key={problem.path}>
              <code>{problem.path}</code> {problem.reason}
            </li>
          ))}
          {run.problems.length > 100 && <li class="quiet">and {count(run.problems.length - 100)} more</li>}
        </ul>
      )}
    </Panel>
  );
}

function Steps({ run }: { run: Run }) {
  const job = run.jobs.at(-1);
  const isSent = ["importing", "done"].includes(run.phase) || (run.sendBytes > 0 && run.sentBytes >= run.sendBytes);
  const seconds = useSeconds(run.phase === "sending" ? run.startedSending : 0);
  const pace = seconds > 0.5 ? `, ${bytes(run.sentBytes / seconds)}/s` : "";
  return (
    <div class="steps">
      <Bar label="Check" share={run.bytes ? run.checkedBytes / run.bytes : run.phase === "looking" ? 0 : 1} text={`${count(run.known)} known already`} />
      <Bar label="Send" share={run.sendBytes ? run.sentBytes / run.sendBytes : isSent ? 1 : 0} text={`${bytes(run.sentBytes)} of ${bytes(run.sendBytes)}${pace}`} />
      <Bar label="Import" share={job ? job.progress : run.phase === "done" ? 1 : 0} text={job ? jobText(job) : run.phase === "done" ? "nothing to import" : "waits"} />
    </div>
  );
}

export function jobText(job: Job): string {
  const parts = [job.rows_done === 0 && job.status === "running" ? "starting" : `${count(job.rows_done)} rows`];
  if (job.rows_per_second !== null) parts.push(`${count(job.rows_per_second)} rows/s`);
  if (isRunning(job) && job.eta_seconds !== null) parts.push(`about ${age(job.eta_seconds)} left`);
  if (job.status === "queued") parts.push("queued");
  return parts.join(" · ");
}

/** Seconds since the instant, while it runs; 0 without one. */
function useSeconds(start: number): number {
  const now = useSignal(Date.now());
  useEffect(() => {
    if (!start) return;
    const timer = window.setInterval(() => (now.value = Date.now()), 500);
    return () => window.clearInterval(timer);
  }, [start]);
  return start ? (now.value - start) / 1_000 : 0;
}

function Outcome({ run }: { run: Run }) {
  const total = (name: "sessions_imported" | "sessions_updated" | "conversations_imported" | "tool_calls_imported" | "errors_total") =>
    run.jobs.reduce((sum, job) => sum + job[name], 0);
  if (run.jobs.length === 0) {
    if (run.phase !== "done") return <p class="run-outcome">Nothing was stored.</p>;
    return (
      <p class="run-outcome" role="status">
        {run.files === 0 ? "It has no files of Claude Code: no transcripts (*.jsonl), history.jsonl, sessions-index.json or .claude.json." : run.known > 0 ? "Nothing is new: all of it was here already." : "None of it could be imported."}
      </p>
    );
  }
  const errors = run.jobs.flatMap((job) => job.errors);
  return (
    <>
      <p class="run-outcome" role="status">
        {plural(total("sessions_imported"), "new session")}, {count(total("sessions_updated"))} continued; {plural(total("conversations_imported"), "message")} and{" "}
        {plural(total("tool_calls_imported"), "tool call")} were added. <a href="/sessions">See the sessions</a>
      </p>
      {errors.length > 0 && <Located errors={errors} total={total("errors_total")} />}
      {run.jobs.some(isRunning) && <p class="quiet">You can leave this page, the import goes on: {percent(run.jobs.at(-1)?.progress)}.</p>}
    </>
  );
}
