/** An import from this browser, as `tracker import` does it: hash the files, ask which are new, send those, follow the jobs. It goes on while other pages are open. */

import { signal } from "@preact/signals";
import type { Schemas } from "../../api/answers";
import { Problem, send } from "../../api/request";
import { upload } from "../../api/upload";
import { readAllAgain } from "../../api/use_read";
import { type Job, followJob } from "./follow_job";
import type { Found } from "./found_files";
import { type TarFile, memberBytes, tarOf } from "./tar";

export type Phase = "looking" | "checking" | "sending" | "importing" | "done" | "stopped" | "failed";

export interface Run {
  phase: Phase;
  /** Files that were found, and their bytes. */
  files: number;
  bytes: number;
  checkedBytes: number;
  /** Files that the tracker has read to the end before. */
  known: number;
  sendBytes: number;
  sentBytes: number;
  startedSending: number;
  jobs: Job[];
  problems: { path: string; reason: string }[];
  problem: Problem | null;
}

export const run = signal<Run | null>(null);

/** A manifest of this many files fits into the largest body, even with the longest names. */
const MANIFEST_FILES = 2_000;
/** The tracker reads at most 100,000 members of an archive. */
const UPLOAD_FILES = 50_000;
/** A file is hashed as a whole. A larger one is sent without asking. */
const HASHED_BYTES = 256 * 1024 * 1024;
/** For the form around the archive. */
const SPARE_BYTES = 64 * 1024;
const TOO_LARGE = 413;

type Manifest = Schemas["ManifestAnswer"];
type Started = Schemas["ImportAnswer"];

let stopping = new AbortController();

export function stopRun(): void {
  stopping.abort();
  const job = run.peek()?.jobs.at(-1);
  if (run.peek()?.phase === "importing" && job) void send("POST", `/api/import/jobs/${job.job_id}/cancel`).catch(reportTo);
}

export function forgetRun(): void {
  run.value = null;
}

function change(changes: Partial<Run>): void {
  if (run.peek()) run.value = { ...(run.peek() as Run), ...changes };
}

function reportTo(error: unknown): void {
  if (!(error instanceof Problem)) throw error;
  change({ problem: error });
}

/** `look` gives the files; it says how many there are so far. */
export async function startRun(look: (onFound: (files: number) => void) => Promise<Found>, user: string): Promise<void> {
  stopping = new AbortController();
  run.value = {
    phase: "looking",
    files: 0,
    bytes: 0,
    checkedBytes: 0,
    known: 0,
    sendBytes: 0,
    sentBytes: 0,
    startedSending: 0,
    jobs: [],
    problems: [],
    problem: null,
  };
  try {
    const found = await look((files) => change({ files }));
    const bytes = [...found.files.map(({ file }) => file.size), ...found.single.map((file) => file.size)].reduce((total, size) => total + size, 0);
    change({ phase: "checking", files: found.files.length + found.single.length, bytes, problems: found.problems });
    const { unseen, maxBytes } = await unseenFiles(found.files, user);
    const uploads: (TarFile[] | File)[] = [...split(unseen, maxBytes), ...found.single];
    change({ phase: "sending", checkedBytes: bytes, startedSending: Date.now(), sendBytes: uploads.reduce((total, each) => total + sizeOf(each), 0) });
    while (uploads.length > 0) await sendFirst(uploads, user);
    change({ phase: "done" });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") change({ phase: "stopped" });
    else if (error instanceof Problem) change({ phase: "failed", problem: error });
    else change({ phase: "failed", problem: new Problem(`The files cannot be read: ${error instanceof Error ? error.message : String(error)}`, 0, "NOT_READ", null) });
  }
  readAllAgain();
}

/** Of files with the same content one is sent. */
async function unseenFiles(files: readonly TarFile[], user: string): Promise<{ unseen: TarFile[]; maxBytes: number }> {
  const byHash = new Map<string, TarFile>();
  const unseen: TarFile[] = [];
  let checkedBytes = 0;
  for (const each of files) {
    stopping.signal.throwIfAborted();
    try {
      const hash = await hashOf(each.file);
      if (hash === null) unseen.push(each);
      else if (byHash.has(hash)) change({ known: (run.peek()?.known ?? 0) + 1 });
      else byHash.set(hash, each);
    } catch (error) {
      change({ problems: [...(run.peek()?.problems ?? []), { path: each.path, reason: error instanceof Error ? error.message : "cannot be read" }] });
    }
    checkedBytes += each.file.size;
    change({ checkedBytes });
  }
  const hashes = [...byHash.keys()];
  let maxBytes = 0;
  // An empty manifest too: the answer has the largest upload.
  for (let start = 0; start === 0 || start < hashes.length; start += MANIFEST_FILES) {
    const part = hashes.slice(start, start + MANIFEST_FILES);
    const manifest = part.map((sha256) => ({ path: (byHash.get(sha256) as TarFile).path.slice(-4_096), size: (byHash.get(sha256) as TarFile).file.size, sha256 }));
    const response = await send("POST", "/api/import/manifest", { files: manifest, ...(user ? { user } : {}) }, stopping.signal);
    const answer = (await response.json()) as Manifest;
    maxBytes = answer.max_upload_bytes;
    for (const index of answer.unseen) unseen.push(byHash.get(part[index] as string) as TarFile);
    change({ known: (run.peek()?.known ?? 0) + answer.known });
  }
  return { unseen, maxBytes };
}

/** null where it cannot be computed: over plain http from another machine browsers have no `crypto.subtle`. The tracker stores each record once anyway. */
async function hashOf(file: File): Promise<string | null> {
  if (!crypto.subtle || file.size > HASHED_BYTES) return null;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
  return hex(digest);
}

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The files in as few uploads as the limit allows. */
function split(files: readonly TarFile[], maxBytes: number): TarFile[][] {
  const uploads: TarFile[][] = [];
  let size = 0;
  for (const file of files) {
    const more = memberBytes(file);
    const last = uploads.at(-1);
    if (!last || size + more > maxBytes - SPARE_BYTES || last.length >= UPLOAD_FILES) {
      uploads.push([file]);
      size = more;
    } else {
      last.push(file);
      size += more;
    }
  }
  return uploads;
}

/** What an upload is called in the list of jobs: the folders and files that were dropped. */
function nameOf(files: TarFile[]): string {
  const [first = "", ...more] = new Set(files.map(({ path }) => path.split("/", 1)[0]));
  return more.length === 0 ? first : `${first} and ${more.length} more`;
}

function sizeOf(each: TarFile[] | File): number {
  return Array.isArray(each) ? each.reduce((total, file) => total + memberBytes(file), 0) : each.size;
}

/** Sends the first and follows its job. If a proxy takes less than the tracker, its halves take its place. */
async function sendFirst(uploads: (TarFile[] | File)[], user: string): Promise<void> {
  const next = uploads.shift() as TarFile[] | File;
  const sentBefore = run.peek()?.sentBytes ?? 0;
  const form = new FormData();
  if (user) form.set("user", user);
  if (Array.isArray(next)) form.set("file", tarOf(next), nameOf(next));
  else form.set("file", next, next.name);
  change({ phase: "sending" });
  const key = hex(crypto.getRandomValues(new Uint8Array(16)));
  let started: Started;
  try {
    started = await upload<Started>("/api/import/claude-data", form, {
      headers: { Prefer: "wait=0", "Idempotency-Key": key },
      signal: stopping.signal,
      onSent: (bytes) => change({ sentBytes: sentBefore + Math.min(bytes, sizeOf(next)) }),
    });
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (error.status === TOO_LARGE && Array.isArray(next) && next.length > 1) {
      const middle = Math.ceil(next.length / 2);
      uploads.unshift(next.slice(0, middle), next.slice(middle));
      return;
    }
    if (error.status !== 400 && error.status !== TOO_LARGE) throw error;
    // The tracker says what is wrong with this one; the others may be right.
    const path = Array.isArray(next) ? (next[0]?.path ?? "") : next.name;
    change({ problems: [...(run.peek()?.problems ?? []), { path, reason: error.message }], sentBytes: sentBefore + sizeOf(next) });
    return;
  }
  change({ phase: "importing", sentBytes: sentBefore + sizeOf(next) });
  await untilEnded(started.job_id);
}

function untilEnded(jobId: string): Promise<void> {
  return new Promise((resolve) => {
    const before = run.peek()?.jobs ?? [];
    followJob(jobId, (job) => {
      change({ jobs: [...before, job] });
      if (job.status !== "queued" && job.status !== "running") resolve();
    });
  });
}
