/** Open sessions in columns, by what they do or wait for, in the order of the board. */

import { useState } from "preact/hooks";
import type { Schemas } from "../../api/answers";
import type { OpenSession } from "./live_board";
import { age, compact, cost, plural } from "../../format/quantities";
import { exactTime } from "../../format/times";
import terms from "../../format/terms";
import { Hint } from "../../parts/notes/hint";
import type { Live } from "./use_live";

type State = Schemas["LiveSession"]["state"];

const MARKS: Record<State, { mark: string; tone: string }> = {
  permission: { mark: "?", tone: "is-warn" },
  error: { mark: "!", tone: "is-bad" },
  working: { mark: "▶", tone: "is-good" },
  interrupted: { mark: "✕", tone: "is-warn" },
  input: { mark: "…", tone: "is-accent" },
  quiet: { mark: "–", tone: "" },
};

/** A tracker that was upgraded while the page was open may tell other states. They are shown by their names. */
function labelOf(state: string): { label: string; definition: string; mark: string; tone: string } {
  const isKnown = (name: string): name is State => Object.hasOwn(terms.states, name);
  if (isKnown(state)) return { ...terms.states[state], ...MARKS[state] };
  return { label: state, definition: "This page is older than the tracker. Load it again.", mark: "", tone: "" };
}

function withOthers(sessions: readonly { state: string | null }[]): string[] {
  return [...new Set([...Object.keys(terms.states), ...sessions.flatMap(({ state }) => state ?? [])])];
}

export function Board({ live, now }: { live: Live; now: number }) {
  // Read so that the board is drawn again when it changes.
  void live.version.value;
  const sessions = live.board.openSessions;
  if (sessions.length === 0) return live.listed.value || live.problem.value ? null : <section class="board" aria-busy="true" />;
  return (
    <section class="board" aria-label="Open sessions by state">
      {withOthers(sessions).map((state) => {
        const shown = sessions.filter((session) => session.state === state);
        // There is seldom one, and four columns fit.
        if ((state === "quiet" || state === "interrupted") && shown.length === 0) return null;
        const { label, definition, mark, tone } = labelOf(state);
        return (
          <div class="board-column" key={state} data-state={state}>
            <h2 class="board-head">
              <span class={`board-mark badge ${tone}`} aria-hidden="true">
                {mark}
              </span>
              <Hint text={definition}>{label}</Hint>
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
  const { tool, input, asks, error, since, title, prompt, files, agents } = session;
  const does = tool ?? (!error && title && title !== prompt && prompt);
  return (
    <li>
      <a class="board-card" data-item href={`/sessions/${encodeURIComponent(session.id)}`}>
        <span class="board-title">{title ?? prompt ?? "A session without a title yet"}</span>
        <span class="board-since">
          <span class="board-where">{[session.project, session.user].filter(Boolean).join(" · ") || "\u00a0"}</span>
          {since && (
            <time dateTime={since} title={`Since ${exactTime(since)}`}>
              {age((now - Date.parse(since)) / 1_000)}
            </time>
          )}
        </span>
        {does && <span class="board-does">{does}</span>}
        {input && !asks && (
          <code class="board-input" title={input}>
            {input}
          </code>
        )}
        {error && (
          <span class="board-error" title={error}>
            {error}
          </span>
        )}
        {agents.map(({ agent_id: id, agent_type: type, description, state, tool_name: runs }) =>
          Object.hasOwn(terms.states, state) && state !== "error" && state !== "interrupted" ? (
            <span class="board-agent" key={id}>
              <span>{description ?? type ?? "Subagent"}</span>
              <span>{state === "working" && runs ? runs : labelOf(state).label}</span>
            </span>
          ) : null,
        )}
        {files.map(({ file_path: path, lines_added, lines_removed }) => (
          <span class="board-file" key={path} title={path}>
            <span>{path.split(/[\\/]/).at(-1)}</span>
            <span>
              +{lines_added} −{lines_removed}
            </span>
          </span>
        ))}
        <span class="board-numbers">{session.calls === null ? "\u00a0" : numbers(session)}</span>
      </a>
      {asks && <Asks text={asks} isSaid={!tool} />}
    </li>
  );
}

/** So much stands there without a fold. */
const SHORT = { characters: 240, lines: 7 };

/** What waits for a permission, or what Claude asked: whole. Of a long one its beginning is seen; of what Claude said, its end. */
function Asks({ text, isSaid }: { text: string; isSaid: boolean }) {
  const [isOpen, setOpen] = useState(false);
  const lines = text.split("\n").length;
  const isLong = text.length > SHORT.characters || lines > SHORT.lines;
  return (
    <>
      <pre class={`board-asks${isSaid ? " is-said" : ""}${isLong && !isOpen ? " is-folded" : ""}`}>{text}</pre>
      {isLong && (
        <button type="button" class="button is-small is-quiet" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          {isOpen ? "Fold it" : lines > 1 ? `All ${lines} lines` : "All of it"}
        </button>
      )}
    </>
  );
}

function numbers({ calls, tokens, cost: dollars }: OpenSession): string {
  const used = tokens ? `${compact(tokens)} tokens · ${cost(dollars)}` : "no tokens yet";
  return `${plural(calls ?? 0, "call")} · ${used}`;
}

/** For a key that sees no sessions: how many there are. */
export function StateCounts({ live }: { live: Live }) {
  const sessions = live.listed.value?.items;
  return (
    <section class="tiles" aria-label="Open sessions by state">
      {withOthers(sessions ?? []).map((state) => (
        <div class="tile" key={state} data-state={state}>
          <Hint text={labelOf(state).definition}>{labelOf(state).label}</Hint>
          <span class="tile-value">{sessions ? sessions.filter((each) => each.state === state).length : "–"}</span>
          <span class="tile-below">open sessions</span>
        </div>
      ))}
    </section>
  );
}
