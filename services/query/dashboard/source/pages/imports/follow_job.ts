/** The progress of one job, as it happens. */

import type { Schemas } from "../../api/answers";
import { type EventStream, openStream } from "../../api/event_stream";

export type Job = Schemas["ImportJob"];

export function isRunning(job: Job): boolean {
  return job.status === "queued" || job.status === "running";
}

/** Calls `onJob` with each state, the last one included. Returns how to stop. */
export function followJob(jobId: string, onJob: (job: Job) => void): () => void {
  const address = `/api/import/jobs/${encodeURIComponent(jobId)}/events`;
  const stream: EventStream = openStream(() => address, ["progress", "done"], (name, data) => {
    // The stream ends with the job; the browser would open it again.
    if (name === "done") stream.close();
    onJob(JSON.parse(data) as Job);
  });
  return stream.close;
}
