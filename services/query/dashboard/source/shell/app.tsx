/** Which page is shown, or why none is. */

import type { ComponentType } from "preact";
import { useEffect, useErrorBoundary } from "preact/hooks";
import { parts } from "../address/address";
import { extentIsKnown, findExtent, zone } from "../address/range";
import { checkIdentity, findIdentity, identityProblem, me, seesNames } from "../api/identity";
import { needsLogin } from "../api/request";
import { forgetReadings, useRead } from "../api/use_read";
import { labelProjects } from "../format/names";
import { Erasing } from "../parts/erase";
import { EmptyNote } from "../parts/notes/empty_note";
import { lazily } from "../parts/lazily";
import { ProblemNote } from "../parts/notes/problem_note";
import { useHeading } from "./heading";
import { GrowingNote } from "./growing_note";
import { KeyHelp } from "./key_help";
import { Login } from "./login";
import { Navigation } from "./navigation";
import { PrintStamp } from "./print_stamp";
import { SavedViews, isViewsOpen } from "./saved_views";
import { SearchPalette } from "./search_palette";
import { useWaiting } from "./waiting";
import { ZoneNote } from "./zone_note";

const CHECK_MS = 20_000;

type Load = () => Promise<{ default: ComponentType }>;

/** By the first part of the path. Each is loaded when it is opened first. */
const LOADS: Record<string, Load> = {
  "": () => import("../pages/now/now"),
  overview: () => import("../pages/overview/overview"),
  days: () => import("../pages/day/day"),
  projects: () => import("../pages/projects/projects"),
  sessions: () => import("../pages/sessions/sessions"),
  search: () => import("../pages/search/search"),
  files: () => import("../pages/files/files"),
  tools: () => import("../pages/tools/tools"),
  usage: () => import("../pages/usage/usage"),
  advice: () => import("../pages/advice/advice"),
  compare: () => import("../pages/compare/compare"),
  imports: () => import("../pages/imports/imports"),
  health: () => import("../pages/health/health"),
  settings: () => import("../pages/settings/settings"),
};

const PAGES: Record<string, ComponentType> = Object.fromEntries(Object.entries(LOADS).map(([name, load]) => [name, lazily(load)]));

/** The pages that show a range of days, and must know which one. */
const OF_A_RANGE = new Set(["overview", "days", "projects", "sessions", "files", "tools", "usage", "advice", "compare"]);

export function App() {
  useEffect(() => {
    void findIdentity();
    // While it is asked who looks, the page's script is on its way.
    LOADS[parts.peek()[0] ?? ""]?.().catch(() => {
      // The page says so.
    });
    const check = () => {
      if (!document.hidden && !needsLogin.peek()) void checkIdentity();
    };
    const checking = window.setInterval(check, CHECK_MS);
    document.addEventListener("visibilitychange", check);
    return () => {
      window.clearInterval(checking);
      document.removeEventListener("visibilitychange", check);
    };
  }, []);
  useHeading();
  useWaiting();
  const isOut = needsLogin.value;
  useEffect(() => {
    if (isOut) forgetReadings();
    else void findExtent();
  }, [isOut, zone.value]);
  const projects = useRead(me.value && seesNames.value && !isOut ? "/api/projects" : null).data;
  useEffect(() => labelProjects(projects ?? []), [projects]);
  const isReady = me.value !== null && (extentIsKnown.value || !OF_A_RANGE.has(parts.value[0] ?? ""));

  if (isOut) return <Login />;
  return (
    <>
      <a
        class="skip"
        href="#content"
        onClick={(event) => {
          // The address stays as it is: it is the page's state.
          event.preventDefault();
          document.getElementById("content")?.focus();
        }}
      >
        Skip to the content
      </a>
      <Navigation />
      <main id="content" class="content" tabIndex={-1}>
        {identityProblem.value && <ProblemNote problem={identityProblem.value} again={() => void findIdentity()} />}
        <PrintStamp />
        <ZoneNote />
        {isReady && <Page key={parts.value[0] ?? ""} />}
        {me.value && <GrowingNote />}
      </main>
      <KeyHelp />
      <SearchPalette />
      {isViewsOpen.value && <SavedViews />}
      <Erasing />
    </>
  );
}

function Page() {
  const [error, forget] = useErrorBoundary();
  const name = parts.value[0] ?? "";
  const Shown = PAGES[name];
  if (error) {
    return (
      <div class="note is-problem" role="alert">
        <p>This page has a fault: {String(error)}. Your data is safe.</p>
        <button type="button" class="button is-small" onClick={forget}>
          Show it again
        </button>
      </div>
    );
  }
  if (!Shown) {
    return (
      <EmptyNote isPage title="There is no such page.">
        <a href="/overview">Go to the overview</a>
      </EmptyNote>
    );
  }
  return <Shown />;
}
