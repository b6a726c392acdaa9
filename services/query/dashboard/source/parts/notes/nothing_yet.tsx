/** Nothing was ever stored: what to do next. It looks again by itself, so that the first session shows without a reload. */

import { useEffect } from "preact/hooks";
import { findExtent } from "../../address/range";
import { connectCommand } from "../text/commands";
import { EmptyNote } from "./empty_note";

const AGAIN_MS = 5_000;

export function NothingYet({ what }: { what: string }) {
  useEffect(() => {
    const timer = window.setInterval(() => {
      if (!document.hidden) void findExtent();
    }, AGAIN_MS);
    return () => window.clearInterval(timer);
  }, []);
  return (
    <EmptyNote title={`There is ${what} yet.`} command={connectCommand()}>
      Run this once on each machine that has Claude Code. It imports the history there, and each new session shows here while it runs.
    </EmptyNote>
  );
}
