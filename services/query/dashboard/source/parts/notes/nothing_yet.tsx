/** Nothing was ever stored: what to do next. It looks again by itself, so that the first session shows without a reload. */

import { useEffect } from "preact/hooks";
import { findExtent } from "../../address/range";
import { mayImport } from "../../api/identity";
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
    <EmptyNote title={`There is ${what} yet.`} command="tracker connect">
      Connect Claude Code on a machine, and each session appears while it happens. History comes with <code>tracker import</code>
      {mayImport.value && (
        <>
          , or from the page <a href="/imports">Imports</a>
        </>
      )}
      . This page looks again by itself.
    </EmptyNote>
  );
}
