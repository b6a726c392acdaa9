/** Open sessions in columns, by what they do or wait for. Within a column they stand in the order of their start, so that none jumps. */

import type { OpenSession, State } from "./live_board";
import { STATES, stateOf } from "./live_board";
import { compact, cost, plural } from "../../format/quantities";
import { exactTime } from "../../format/times";
import { Hint } from "../../parts/hint";
import type { Live } from "./use_live";

const LABELS: Record<State, { title: string; about: string; mark: string; tone: string }> = {
  permission: { title: "Waiting for a permission", about: "A hook said that Claude Code asks whether it may use a tool.", mark: "?", tone: "is-warn" },
  error: { title: "Failed", about: "A hook said that the turn ended with an error, such as a limit or an API that does not answer.", mark: "!", tone: "is-bad" },
  working: { title: "Working", about: "Claude answers or uses a tool, or a person has just written.", mark: "▶", tone: "is-good" },
  input: { title: "Waiting for input", about: "The turn is over, or a person has interrupted it.", mark: "…", tone: "is-accent" },
  quiet: { title: "Quiet", about: "It worked, and nothing was heard of it for ten minutes, as after a kill. Or only an import tells of it.", mark: "–", tone: "" },
};

export function Board({ live, now }: { live: Live; now: number }) {
  // Read so that the board is drawn again when it changes.
  void live.version.value;
  const sessions = [...live.board.sessions.values()].sort((one, other) => one.startedAt - other.startedAt || one.id.localeCompare(other.id));
  if (live.listed.value !== null && sessions.length === 0) return null;
  return (
    <section class="board" aria-label="Open sessions by state" aria-busy={live.listed.value === null}>
      {STATES.map((state) => {
        const shown = sessions.filter((session) => session.state === state);
        // There is seldom one, and four columns fit.
        if (state === "quiet" && shown.length === 0) return null;
        const { title, about, mark, tone } = LABELS[state];
        return (
          <div class="board-column" key={state} data-state={state}>
            <h2 class="board-head">
              <span class={`board-mark badge ${tone}`} aria-hidden="true">
                {mark}
              </span>
              <Hint text={about}>{title}</Hint>
              <span class="board-count">{shown.length}</span>
            </h2>
            <ul>
              {shown.map((session) => (
                <Card key={session.id} session={session} now={now} />
              ))}
            </ul>
          </div>
        );
      })}
    </section>
  );
}

function Card({ session, now }: { session: OpenSession; now: number }) {
  const { tool, since } = session;
  return (
    <li>
      <a class="board-card" data-item href={`/sessions/${encodeURIComponent(session.id)}`}>
        <span class="board-title">{session.title ?? session.prompt ?? "A session without a title yet"}</span>
        <span class="board-where">{[session.project, session.user].filter(Boolean).join(" · ") || "\u00a0"}</span>
        <span class="board-does">
          <span class="board-tool">{tool ?? ((session.title && session.prompt) || "\u00a0")}</span>
          <time dateTime={new Date(since).toISOString()} title={`Since ${exactTime(new Date(since).toISOString())}`}>
            {age(now - since)}
          </time>
        </span>
        <span class="board-numbers">
          {session.calls === null ? "\u00a0" : numbers(session)}
        </span>
      </a>
    </li>
  );
}

function numbers({ calls, tokens, cost: dollars }: OpenSession): string {
  const used = tokens ? `${compact(tokens)} tokens · ${cost(dollars)}` : "no tokens yet";
  return `${plural(calls ?? 0, "call")} · ${used}`;
}

function age(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  if (seconds < 100) return `${seconds} s`;
  return seconds < 6_000 ? `${Math.floor(seconds / 60)} min` : `${Math.floor(seconds / 3_600)} h`;
}

/** For a key that sees no sessions: how many there are. */
export function StateCounts({ live }: { live: Live }) {
  const states = live.listed.value?.items.map((item) => stateOf(item.state));
  return (
    <section class="tiles" aria-label="Open sessions by state">
      {STATES.map((state) => (
        <div class="tile" key={state} data-state={state}>
          <Hint text={LABELS[state].about}>{LABELS[state].title}</Hint>
          <span class="tile-value">{states ? states.filter((each) => each === state).length : "–"}</span>
          <span class="tile-below">open sessions</span>
        </div>
      ))}
    </section>
  );
}
