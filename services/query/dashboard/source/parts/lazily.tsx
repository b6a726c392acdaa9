/** Parts of the dashboard whose script is loaded when they are shown first. Preact's own way to it, with what React has besides, is 3 KB more. */

import { type ComponentType, createElement } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Problem, attempt, send } from "../api/request";
import { ProblemNote } from "./notes/problem_note";

export type Load = () => Promise<{ default: ComponentType<never> }>;

export function lazily<P extends object>(load: () => Promise<{ default: ComponentType<P> }>): ComponentType<P> {
  let loaded: ComponentType<P> | null = null;
  return function Lazy(props: P) {
    const [, setLoaded] = useState(loaded !== null);
    useEffect(() => {
      if (loaded !== null) return;
      void load()
        .catch(() => ({ default: NotLoaded as ComponentType<P> }))
        .then((module) => {
          loaded = module.default;
          setLoaded(true);
        });
    }, []);
    if (loaded !== null) return createElement(loaded, props);
    return (
      <div class="outline" role="status">
        Loading the page …
      </div>
    );
  };
}

/** The tracker does not answer, or it was upgraded and has other scripts now. The page that is loaded anew names them. */
function NotLoaded() {
  const [problem, setProblem] = useState(() => new Problem("This page could not be loaded.", 0, "NO_ANSWER", null));
  async function again(): Promise<void> {
    const met = await attempt(() => send("GET", location.pathname));
    if (met) setProblem(met);
    else location.reload();
  }
  return <ProblemNote problem={problem} again={() => void again()} />;
}
