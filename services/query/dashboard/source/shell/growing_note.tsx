/** Says on every page that numbers are not whole while an import runs, and reads them anew when it has ended. A key that sees no jobs is not told. */

import { useEffect, useRef } from "preact/hooks";
import { parts } from "../address/address";
import { findExtent } from "../address/range";
import { mayImport, seesTexts } from "../api/identity";
import { readAllAgain, useRead } from "../api/use_read";

const EVERY_MS = 8_000;

export function GrowingNote() {
  const wasRunning = useRef(false);
  const jobs = useRead(seesTexts.value || mayImport.value ? "/api/import/jobs" : null, { limit: 3 }, { everyMs: EVERY_MS });
  const job = jobs.data?.items.find(({ status }) => status === "queued" || status === "running");
  const isRunning = job !== undefined;
  useEffect(() => {
    if (wasRunning.current && !isRunning) {
      void findExtent();
      readAllAgain();
    }
    wasRunning.current = isRunning;
  }, [isRunning]);
  if (!job || parts.value[0] === "imports") return null;
  return (
    <p class="growing-note" role="status">
      {job.kind === "import" ? "An import is running: numbers still grow." : `The ${job.kind} of an import is running: numbers still change.`} <a href="/imports">Show it</a>
    </p>
  );
}
