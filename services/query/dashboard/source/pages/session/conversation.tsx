/** The conversation of a session, with its turns at the side and the ways through it. */

import { computed, signal } from "@preact/signals";
import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { go, parameter, withParameters } from "../../address/address";
import { zone } from "../../address/range";
import type { Schemas } from "../../api/answers";
import { Problem } from "../../api/request";
import { useRead } from "../../api/use_read";
import { EmptyNote } from "../../parts/notes/empty_note";
import { ProblemNote } from "../../parts/notes/problem_note";
import { useMedia } from "../../parts/use_media";
import type { MarksChange } from "../sessions/session_marks";
import { CopyResume } from "../sessions/session_row";
import { Bar } from "./bar";
import { SessionMore } from "./session_more";
import { SessionOutcome, essence } from "./outcome/outcome";
import { useLiveTail } from "./timeline/live_tail";
import { RowList } from "./rows/row_list";
import { RowView } from "./rows/row_view";
import { type Row, rowsOf } from "./rows/rows";
import { type Turn, newStory, readTurns } from "./timeline/story";
import { TimeStrip } from "./timeline/time_strip";
import { timelineStore } from "./timeline/timeline_store";
import { TurnRail } from "./timeline/turn_rail";
import { useFoundWords } from "./search/found_words";
import { useJumps } from "./use_jumps";
import { useTarget } from "./use_target";

// An open session's outcome is read again at most so often.
const OUTCOME_EVERY_MS = 15_000;
/** What else the line above the conversation unfolds. */
const FOLDED = "resume, exports, note";
const NO_TURNS: readonly Turn[] = [];

interface Props {
  session: Schemas["Session"];
  /** Left out where the viewer may not change anything. */
  onMark?: ((change: MarksChange) => void) | undefined;
  /** Something happened in it. */
  onChange: () => void;
}

export function Conversation({ session, onMark, onChange }: Props) {
  const sessionId = session.session_id;
  const thread = parameter("thread");
  const withThinking = parameter("thinking") !== null;
  const story = useMemo(() => newStory(sessionId, session.user ?? "Person", withThinking), [sessionId, session.user, withThinking, thread]);
  const store = useMemo(() => timelineStore(sessionId, thread, withThinking), [sessionId, withThinking, thread]);
  const project = useRead(session.project_id === null ? null : "/api/projects/{project_id}", {}, { inPath: { project_id: session.project_id ?? 0 } });
  story.projectPath.value = project.data?.path ?? null;

  // null until the first of them are there.
  const [known, setTurns] = useState<readonly Turn[] | null>(null);
  const turns = known ?? NO_TURNS;
  const [turnProblem, setTurnProblem] = useState<Problem | null>(null);
  const [jumpProblem, setJumpProblem] = useState<Problem | null>(null);
  const [turnsVersion, setTurnsVersion] = useState(0);
  useEffect(() => {
    let isWanted = true;
    readTurns(sessionId, setTurns, () => isWanted).then(
      () => setTurnProblem(null),
      (error: unknown) => {
        if (!(error instanceof Problem)) throw error;
        setTurnProblem(error);
      },
    );
    return () => void (isWanted = false);
  }, [sessionId, turnsVersion]);
  story.turns.value = useMemo(() => new Map(turns.flatMap((turn, at) => (turn.first_item_id ? [[turn.first_item_id, { turn, before: turns[at - 1] }]] : []))), [turns]);

  const outcome = useRead(thread === null ? "/api/sessions/{session_id}/outcome" : null, { tz: zone.value }, { inPath: { session_id: sessionId } });
  const readOutcomeAgain = useSpaced(outcome.again, OUTCOME_EVERY_MS);

  const readTurnsAgain = () => setTurnsVersion((version) => version + 1);
  const live = useLiveTail(sessionId, session.status === "open", () => {
    onChange();
    readTurnsAgain();
    readOutcomeAgain();
    void store.readTail();
  });

  const rowsNow = useMemo(() => computed(() => rowsOf(store.state.value.items, { runs: story.runs.value, threads: story.threads.value })), [store, story]);
  const rows = rowsNow.value;
  const { target, keepPlace } = useTarget(store, story, rows);
  // A signal, so that scrolling renders what shows it alone.
  const index = useMemo(() => signal(0), []);
  const isAtEnd = useMemo(() => signal(false), []);
  const { totals, hasEarlier, hasLater, problem, isReading, items } = store.state.value;
  const shown = rows.rows;
  const current = useMemo(() => computed(() => itemOf(rowsNow.value.rows[Math.min(index.value, rowsNow.value.rows.length - 1)])), [rowsNow]);
  // At the end one has read the last item, though others are at the top of the screen.
  const reached = useMemo(() => computed(() => (isAtEnd.value && !store.state.value.hasLater ? store.state.value.items.at(-1) : current.value)), [store, current]);
  const turn = useMemo(() => computed(() => current.value?.turn ?? 0), [current]);
  const renderRow = useCallback((row: Row) => <RowView story={story} row={row} />, [story]);
  const move = useCallback(
    (at: number, atEnd: boolean, top: number | null) => {
      index.value = at;
      isAtEnd.value = atEnd;
      const row = rowsNow.peek().rows[at];
      const item = itemOf(row);
      if (top === null) keepPlace({ id: "start", top: window.scrollY });
      else if (row && item) keepPlace({ id: item.id, key: row.key, top });
    },
    [rowsNow],
  );
  // The browser knows no heights of rows that are not there yet: the page itself goes back to where one stood.
  useEffect(() => {
    history.scrollRestoration = "manual";
    return () => void (history.scrollRestoration = "auto");
  }, []);

  const jumps = useJumps({
    sessionId,
    agentId: thread,
    turns,
    here: () => {
      const at = parameter("at");
      const marked = at === null ? undefined : items.find((item) => item.id === at);
      const near = marked && Math.abs(marked.offset - (current.peek()?.offset ?? 0)) < 30 ? marked : current.peek();
      return { turn: near?.turn ?? 0, time: near?.timestamp ? Date.parse(near.timestamp) : 0, id: near?.id ?? null };
    },
    onProblem: setJumpProblem,
    toggleThinking: () => go(withParameters({ thinking: withThinking ? null : "1" })),
  });

  const main = useRef<HTMLDivElement>(null);
  const above = useRef<HTMLDivElement>(null);
  const heightAbove = useHeight(above);
  const isPrinted = useMedia("print");
  const isOpen = parameter("outcome") !== null || isPrinted;
  // What stands above the conversation is drawn with it: nothing moves once it can be read.
  const isReady = (known !== null || turnProblem !== null) && (!isOpen || thread !== null || outcome.data !== null || outcome.problem !== null);
  useFoundWords(main, isReady);

  return (
    <>
      <div ref={above} class="outcome-box">
        <p class="outcome-line">
          <button type="button" class="fold" aria-expanded={isOpen} onClick={() => go(withParameters({ outcome: isOpen ? null : "1" }))}>
            <span>{thread !== null || outcome.problem ? FOLDED : outcome.data ? `${essence(outcome.data)} · ${FOLDED}` : "Reading what came of it …"}</span>
          </button>
          <CopyResume sessionId={sessionId} />
        </p>
        {session.note && <p class={isOpen ? "session-note-text is-whole" : "session-note-text"}>{session.note}</p>}
        {isOpen && isReady && (
          <>
            <SessionMore session={session} onMark={onMark} folder={story.projectPath.value} />
            {outcome.problem && <ProblemNote problem={outcome.problem} again={outcome.again} />}
            {outcome.data && thread === null && <SessionOutcome session={session} data={outcome.data} turns={turns} projectPath={story.projectPath.value} />}
          </>
        )}
      </div>
      {isReady ? (
        <>
          <Bar session={session} reached={reached} totals={totals} live={live} jumps={jumps} thread={thread} withThinking={withThinking} />
          {turnProblem && <ProblemNote problem={turnProblem} again={readTurnsAgain} />}
          {jumpProblem && <ProblemNote problem={jumpProblem} />}
          <div class="story">
            <div class="story-main" ref={main}>
              {turns.length > 1 && <TimeStrip turns={turns} current={turn} />}
              {problem && <ProblemNote problem={problem} again={store.again} />}
              {items.length === 0 && !isReading && totals && (
                <EmptyNote title="No event of this session is stored.">
                  {session.end_reason === "imported" ? "Only its summary in claude.json is known. Import its transcript to read it here." : "Its events may not have arrived yet."}
                </EmptyNote>
              )}
              {items.length === 0 && isReading && <ReadingStory />}
              <p class="print-note quiet">Only the part of the conversation that was on the screen is printed. Its export has all of it.</p>
              {items.length > 0 && (
                <RowList
                  rows={shown}
                  render={renderRow}
                  target={target}
                  above={heightAbove + Number(turns.length > 1)}
                  hasEarlier={hasEarlier}
                  hasLater={hasLater}
                  onNearStart={store.readEarlier}
                  onNearEnd={store.readLater}
                  onMove={move}
                />
              )}
            </div>
            <TurnRail turns={turns} current={turn} />
          </div>
        </>
      ) : (
        <ReadingStory />
      )}
    </>
  );
}

function ReadingStory() {
  return (
    <div class="outline session-outline" role="status">
      Reading the conversation …
    </div>
  );
}

function itemOf(row: Row | undefined) {
  if (!row || row.kind === "thread_end") return undefined;
  return row.kind === "run" ? row.calls[0] : row.item;
}

/** The height of an element, whenever it changes. */
function useHeight(of: { current: HTMLElement | null }): number {
  const [height, setHeight] = useState(0);
  useEffect(() => {
    if (!of.current) return;
    const observer = new ResizeObserver(([entry]) => setHeight(entry?.contentRect.height ?? 0));
    observer.observe(of.current);
    return () => observer.disconnect();
  }, []);
  return height;
}

/** Calls `run` at once if the last call is `everyMs` ago, else once when it is. */
function useSpaced(run: () => void, everyMs: number): () => void {
  const latest = useRef(run);
  latest.current = run;
  const last = useRef(0);
  const timer = useRef(0);
  useEffect(() => () => window.clearTimeout(timer.current), []);
  return () => {
    window.clearTimeout(timer.current);
    const call = () => {
      last.current = Date.now();
      latest.current();
    };
    timer.current = window.setTimeout(call, Math.max(0, last.current + everyMs - Date.now()));
  };
}
