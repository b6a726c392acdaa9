/** All jobs, the newest first. One that runs is followed; a click opens what became of one. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { parameter, withParameters } from "../../address/address";
import { mayImport } from "../../api/identity";
import { type Problem, attempt, read } from "../../api/request";
import { useRead } from "../../api/use_read";
import { bytes, count, duration, plural } from "../../format/quantities";
import { EmptyNote } from "../../parts/notes/empty_note";
import { Loaded, Panel } from "../../parts/panel";
import { ProblemNote } from "../../parts/notes/problem_note";
import { Time } from "../../parts/time";
import { Bar } from "./bar";
import { type Job, followJob, isRunning } from "./follow_job";
import { JobDetails } from "./job_details";
import { jobText } from "./run_panel";

const PAGE = 20;
const EVERY_MS = 5_000;

export function JobList() {
  const reading = useRead("/api/import/jobs", { limit: PAGE }, { everyMs: EVERY_MS });
  const older = useSignal<{ jobs: Job[]; next: string | null } | null>(null);
  const problem = useSignal<Problem | null>(null);
  const next = older.value ? older.value.next : (reading.data?.next_cursor ?? null);

  async function readOlder(cursor: string): Promise<void> {
    problem.value = await attempt(async () => {
      const page = await read("/api/import/jobs", { limit: PAGE, cursor });
      older.value = { jobs: [...(older.value?.jobs ?? []), ...page.items], next: page.next_cursor };
    });
  }

  return (
    <Panel title="Jobs" about="what was imported, undone or read again, the newest first" class="jobs" csv={reading.data?.items.length ? reading.address : null}>
      <Loaded reading={reading} what="the jobs" height={240}>
        {(data) => {
          const shown = new Set(data.items.map((job) => job.job_id));
          // While newer jobs come, the newest of the older ones stand on both pages.
          const jobs = [...data.items, ...(older.value?.jobs ?? []).filter((job) => !shown.has(job.job_id))];
          if (jobs.length === 0) return <EmptyNote title="Nothing was imported yet.">{mayImport.value ? "Drop a folder above, or run the command there." : "A key with the scope ingest can import."}</EmptyNote>;
          return (
            <ul class="job-list">
              {jobs.map((job) => (
                <JobRow key={job.job_id} job={job} onChanged={reading.again} />
              ))}
            </ul>
          );
        }}
      </Loaded>
      {problem.value && <ProblemNote problem={problem.value} again={() => next && void readOlder(next)} />}
      {next && (
        <button type="button" class="button is-small" onClick={() => void readOlder(next)}>
          Show older
        </button>
      )}
    </Panel>
  );
}

const STATUS: Record<Job["status"], [label: string, tone: string]> = {
  queued: ["queued", ""],
  running: ["running", "is-accent"],
  succeeded: ["done", "is-good"],
  failed: ["failed", "is-bad"],
  cancelled: ["cancelled", "is-warn"],
};
const KINDS: Record<Job["kind"], string> = { import: "Import", undo: "Undo", reparse: "Read again" };

function JobRow({ job: listed, onChanged }: { job: Job; onChanged: () => void }) {
  const live = useSignal<Job | null>(null);
  const runs = isRunning(listed);
  useEffect(() => {
    if (!runs) return;
    return followJob(listed.job_id, (job) => {
      live.value = job;
      if (!isRunning(job)) onChanged();
    });
  }, [listed.job_id, runs]);
  // What was followed is newer than the list, until the list has the end too.
  const job = runs && live.value ? live.value : listed;
  const isOpen = parameter("job") === job.job_id;
  const [label, tone] = STATUS[job.status];
  const took = job.started_at && job.finished_at ? duration(Date.parse(job.finished_at) - Date.parse(job.started_at)) : "";
  return (
    <li class={isOpen ? "job is-open" : "job"} data-job={job.job_id} data-status={job.status}>
      <a class="job-row" data-item href={withParameters({ job: isOpen ? null : job.job_id })} aria-expanded={isOpen}>
        <span class={`badge ${tone}`}>{label}</span>
        <span class="job-what">
          {KINDS[job.kind]} {filesText(job)}
          {job.user && <span class="quiet">for {job.user}</span>}
          {job.kind === "import" && job.files_done > job.files.length && <span class="quiet">{plural(job.files_done, "file")}</span>}
          {job.undone_at && <span class="badge is-warn">undone</span>}
          {job.errors_total > 0 && <span class="badge is-bad">{count(job.errors_total)} unreadable</span>}
        </span>
        <span class="job-numbers">{job.kind === "undo" ? "" : `${plural(job.sessions_imported, "new session")}, ${count(job.sessions_updated)} continued`}</span>
        <span class="job-numbers">{bytes(job.bytes_total || null)}</span>
        <span class="job-numbers">{took}</span>
        <Time at={job.created_at} />
      </a>
      {isRunning(job) && <Bar label={KINDS[job.kind]} share={job.progress} text={jobText(job)} />}
      {isOpen && <JobDetails job={job} onChanged={onChanged} />}
    </li>
  );
}

function filesText(job: Job): string {
  const [first] = job.files;
  if (!first) return "";
  const name = first.name ?? first.kind ?? "a file";
  return job.files.length === 1 ? name : `${name} and ${count(job.files.length - 1)} more`;
}
