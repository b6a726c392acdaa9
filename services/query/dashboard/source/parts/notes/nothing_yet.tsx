/** Nothing was ever stored: the one command, and what there will be. It looks again by itself, so that the first session shows without a reload. */

import { useEffect } from "preact/hooks";
import { findExtent } from "../../address/range";
import { NAVIGATION } from "../../shell/navigation_entries";
import { commandHere, connectCommand } from "../text/commands";
import { EmptyNote } from "./empty_note";

const AGAIN_MS = 5_000;

/** What its pages will show, by their paths. */
const WILL: Record<string, string> = {
  "/": "which session works, which one waits for you and for what, and how full your limits are",
  "/days": "what was asked and done, with files, commits and failures",
  "/overview": "where the days went: a year at one look, projects and models",
  "/sessions": "each conversation with what came of it, and why it cost what it did",
  "/search": "every prompt, answer, command and file, as you type",
  "/usage": "tokens and cost by day, model and project",
};

export function NothingYet({ what }: { what: string }) {
  useEffect(() => {
    const timer = window.setInterval(() => {
      if (!document.hidden) void findExtent();
    }, AGAIN_MS);
    return () => window.clearInterval(timer);
  }, []);
  return (
    <EmptyNote title={`There is ${what} yet.`} command={connectCommand()}>
      Run this once on each machine that has Claude Code. It imports the history there, and each new session shows here while it runs. To import the history alone, run{" "}
      <code>{commandHere("tracker import")}</code>.
      <dl class="will-be" aria-label="What you will see">
        {NAVIGATION.filter(({ path, isShown }) => WILL[path] && isShown()).map(({ path, label, icon }) => (
          <div key={path}>
            <dt>
              <svg viewBox="0 0 24 24" aria-hidden="true">
                <path d={icon} />
              </svg>
              {label}
            </dt>
            <dd>{WILL[path]}</dd>
          </div>
        ))}
      </dl>
    </EmptyNote>
  );
}
