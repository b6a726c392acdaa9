/** Open sessions in four columns, by what they do or wait for. Within a column they stand in the order of their start, so that none jumps. */

import type { OpenSession, State } from "./live_board";
import { STATES, openOf, runningTool } from "./live_board";
import { compact, cost, plural } from "../../format/quantities";
import { exactTime } from "../../format/times";
import { Hint } from "../../parts/hint";
import type { Live } from "./use_live";

const LABELS: Record<State, { title: string; about: string; mark: string; tone: string }> = {
  permission: { title: "Waiting for a permission", about: "A hook said that Claude Code asks whether it may use a tool.", mark: "?", tone: "is-warn" },
  error: { title: "Failed", about: "A hook said that the turn ended with an error, such as a limit or an API that does not answer.", mark: "!", tone: "is-bad" },
  working: { title: "Working", about: "Claude answers or uses a tool, or a person has just written.", mark: "▶", tone: "is-good" },
  input: { title: "Waiting for input", about: "Claude said the last word: the turn is over.", mark: "…", tone: "is-accent" },
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
  const tool = session.state === "working" || session.state === "permission" ? runningTool(session) : null;
  const since = tool?.since ?? session.since;
  return (
    <li>
      <a class="board-card" data-item href={`/sessions/${encodeURIComponent(session.id)}`}>
        <span class="board-title">{session.title ?? session.prompt ?? "A session without a title yet"}</span>
        <span class="board-where">{[session.project, session.user].filter(Boolean).join(" · ") || "\u00a0"}</span>
        <span class="board-does">
          <span class="board-tool">{tool ? tool.name : (session.title && session.prompt) || "\u00a0"}</span>
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

/** For a key that sees no sessions: how many there are. What they wait for is told of single sessions only. */
export function StateCounts({ live }: { live: Live }) {
  const items = openOf(live.listed.value?.items ?? []);
  const working = items.filter((item) => item.state === "working").length;
  const counts = [
    ["working", "Working", LABELS.working.about, working],
    ["waiting", "Waiting", "Claude said the last word, or asks for a permission.", items.length - working],
  ] as const;
  return (
    <section class="tiles" aria-label="Open sessions by state">
      {counts.map(([state, title, about, count]) => (
        <div class="tile" key={state} data-state={state}>
          <Hint text={about}>{title}</Hint>
          <span class="tile-value">{live.listed.value ? count : "–"}</span>
          <span class="tile-below">open sessions</span>
        </div>
      ))}
    </section>
  );
}
