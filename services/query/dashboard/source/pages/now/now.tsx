/** What is going on: open sessions by state, today's numbers, and the last events. It moves by itself. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { isEmpty } from "../../address/range";
import { seesTextsOfCounts } from "../../api/identity";
import { NothingYet } from "../../parts/notes/nothing_yet";
import { ProblemNote } from "../../parts/notes/problem_note";
import { Board, StateCounts } from "./board";
import { Feed } from "./feed";
import { Limits } from "./limits";
import "./now.css";
import { NoSession } from "./no_session";
import { NoticeSwitch } from "./notice_switch";
import { Today } from "./today";
import { type Live, isQuietNow, useLive } from "./use_live";

export default function Now() {
  const live = useLive();
  const clock = useClock();
  return (
    <>
      <header class="page-head">
        <h1>Now</h1>
        <Connection live={live} />
        {seesTextsOfCounts.value && <NoticeSwitch />}
      </header>
      {live.problem.value && live.listed.value === null && <ProblemNote problem={live.problem.value} again={live.again} />}
      {!isEmpty.value && <Limits />}
      <Today isProblemTold={live.problem.value !== null} />
      {seesTextsOfCounts.value ? <Board live={live} now={clock} /> : <StateCounts live={live} />}
      {isEmpty.value ? (
        <section class="panel">
          <NothingYet what="nothing here" />
        </section>
      ) : (
        // The board above has its height then.
        (live.listed.value || live.problem.value) && <Below live={live} clock={clock} />
      )}
    </>
  );
}

/** The last events and the last sessions. While nothing happens, the sessions have the room. */
function Below({ live, clock }: { live: Live; clock: number }) {
  const isQuiet = isQuietNow(live);
  return (
    <div class={isQuiet ? "grid now-below is-quiet" : "grid now-below"}>
      <Feed live={live} now={clock} />
      <NoSession live={live} />
    </div>
  );
}

/** The time, each second while the page is seen. */
function useClock(): number {
  const now = useSignal(Date.now());
  useEffect(() => {
    const timer = window.setInterval(() => {
      if (!document.hidden) now.value = Date.now();
    }, 1_000);
    return () => window.clearInterval(timer);
  }, []);
  return now.value;
}

const STATES = {
  connecting: ["", "Connecting …"],
  open: ["is-good", "Live"],
  cut: ["is-bad", "Connection lost, trying again. You will miss nothing."],
  paused: ["", "Paused while the tab was hidden. Catching up …"],
} as const;

function Connection({ live }: { live: Live }) {
  const state = live.problem.value ? "cut" : live.state.value;
  const [tone, text] = STATES[state];
  return (
    <span class={`badge now-connection ${tone}`} role="status" data-state={state}>
      {text}
    </span>
  );
}
