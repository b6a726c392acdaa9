/** Says on every page that numbers are not whole while an import runs, and reads them anew when it has ended. A key that sees no jobs learns it from the numbers. */

import { useEffect, useRef } from "preact/hooks";
import { parts } from "../address/address";
import { findExtent } from "../address/range";
import { mayImport, seesTexts } from "../api/identity";
import { readAllAgain, useRead } from "../api/use_read";

const EVERY_MS = 15_000;
const RUNNING_EVERY_MS = 4_000;

export function GrowingNote() {
  const wasRunning = useRef(false);
  const jobs = useRead(seesTexts.value || mayImport.value ? "/api/import/jobs" : null, { limit: 3 }, { everyMs: wasRunning.current ? RUNNING_EVERY_MS : EVERY_MS });
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
      {job.kind === "import" ? "An import is running: numbers still grow." : "An import is being changed: numbers still change."} <a href="/imports">Show it</a>
    </p>
  );
}
