/** Parts of the dashboard whose script is loaded when they are shown first. */

import { type ComponentType, lazy } from "preact/compat";
import { useState } from "preact/hooks";
import { Problem, send } from "../api/request";
import { ProblemNote } from "./problem_note";

export type Load = () => Promise<{ default: ComponentType<never> }>;

export function lazily<P>(load: () => Promise<{ default: ComponentType<P> }>): ComponentType<P> {
  return lazy(() => load().catch(() => ({ default: NotLoaded as ComponentType<P> })));
}

/** The tracker does not answer, or it was upgraded and has other scripts now. The page that is loaded anew names them. */
function NotLoaded() {
  const [problem, setProblem] = useState(() => new Problem("The script of this page did not come.", 0, "NO_ANSWER", null));
  async function again(): Promise<void> {
    try {
      await send("GET", location.pathname);
      location.reload();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      setProblem(error);
    }
  }
  return <ProblemNote problem={problem} again={() => void again()} />;
}
