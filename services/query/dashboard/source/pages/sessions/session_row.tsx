/** One session of the list: the title with all the room, and its numbers in columns. */

import { withParameters } from "../../address/address";
import type { Schemas } from "../../api/answers";
import { measure } from "../../format/measures";
import { modelName, projectName } from "../../format/names";
import { count, minutes, moneyOf, plural } from "../../format/quantities";
import { clockText, timeText } from "../../format/times";
import { allTokens } from "../../parts/stats/token_split";
import { Time } from "../../parts/time";
import { useCopy } from "../../parts/text/use_copy";
import { type MarksChange, resumeCommand } from "./session_marks";
import { Star, Tags } from "./tags";

type Session = Schemas["Session"];

/** What differs among the sessions that are listed; what never differs is not repeated in each row. */
export interface Differing {
  project: boolean;
  user: boolean;
  machine: boolean;
  model: boolean;
}

export const END_REASONS: Record<string, string> = {
  explicit: "ended by the program that sent it",
  idle: "ended: nothing was heard of it for a long time",
  gone: "ended: its process is gone",
  imported: "only its summary is known, from claude.json",
  clear: "ended by /clear",
  resume: "ended: another session was resumed",
  logout: "ended by a logout",
  prompt_input_exit: "ended at the prompt",
  other: "ended",
};

export function sessionAddress(id: string): string {
  return `/sessions/${encodeURIComponent(id)}`;
}

export function sessionTitle(session: Pick<Session, "title">): string {
  return session.title?.trim() || "Without a title";
}

interface Props {
  session: Session;
  differing: Differing;
  /** Whether something happened in it since the list was last looked at. */
  isNew: boolean;
  top: number;
  onMark?: ((change: MarksChange) => void) | undefined;
}

export function SessionRow({ session, differing, isNew, top, onMark }: Props) {
  const { session_id, duration_minutes } = session;
  const { isPart, of } = withinDays(session);
  const tokens = allTokens(of);
  return (
    <div class="session-row" role="listitem" style={{ top: `${top}px` }}>
      <Star isOn={session.is_starred} onChange={onMark && ((is_starred) => onMark({ is_starred }))} />
      <div class="session-what">
        <a class={session.title ? "session-title" : "session-title is-untitled"} href={sessionAddress(session_id)} data-item title={session.title ?? session_id}>
          {sessionTitle(session)}
        </a>
        <div class="session-about">
          {isNew && <span class="badge is-accent">new</span>}
          {session.status === "open" && <span class="badge is-good">● open</span>}
          <CameOf session={session} />
          {differing.project && session.project_name && (
            <a href={withParameters({ project: String(session.project_id) })}>{projectName(session.project_id, session.project_name)}</a>
          )}
          {differing.user && session.user && <a href={withParameters({ user: session.user })}>{session.user}</a>}
          {differing.machine &&
            session.machines.map((machine) => (
              <a key={machine.machine_id} href={withParameters({ machine: machine.machine_id })}>
                {machine.name ?? machine.machine_id}
              </a>
            ))}
          {session.git_branch && (
            <a class="session-branch" href={withParameters({ branch: session.git_branch })} title={session.git_branch}>
              {session.git_branch}
            </a>
          )}
          {differing.model && session.model && <a href={withParameters({ model: session.model })}>{modelName(session.model)}</a>}
          {isPart && <Whole session={session} />}
          {session.note && (
            <span class="session-note" title={session.note}>
              ✎ {session.note}
            </span>
          )}
          <Tags tags={session.tags} hrefOf={(tag) => withParameters({ tag })} onChange={onMark} />
        </div>
      </div>
      <Cell name="started" below={session.status === "open" ? "open" : <span title={END_REASONS[session.end_reason ?? "other"]}>{endText(session)}</span>}>
        <Time at={session.start_time} />
      </Cell>
      <Cell name="active" title={measure("active_minutes").definition} below={<span title="From its first to its last event, breaks included.">of {minutes(duration_minutes)}</span>}>
        {minutes(of.active_minutes)}
      </Cell>
      <Cell
        name="cost"
        title={of.unpriced_calls ? `Without ${plural(of.unpriced_calls, "call")} whose model has no known price.` : measure("cost_usd").definition}
        below={tokens > 0 && <span title={`${count(tokens)} tokens`}>{measure("total_tokens").short(tokens)} tok</span>}
      >
        {measure("cost_usd").short(moneyOf(of.cost_usd, of))}
        {of.cost_usd != null && of.unpriced_calls > 0 && "+"}
      </Cell>
      <Cell name="tools" below={of.tool_errors > 0 && <span class="is-bad">{count(of.tool_errors)} failed</span>}>
        {plural(of.tool_calls, "call")}
      </Cell>
      <Cell name="lines" below={of.files_modified > 0 && plural(of.files_modified, "file")}>
        {of.lines_added + of.lines_removed > 0 ? (
          <>
            <span class="is-good">+{count(of.lines_added)}</span> <span class="is-bad">−{count(of.lines_removed)}</span>
          </>
        ) : (
          "–"
        )}
      </Cell>
      <CopyResume sessionId={session_id} />
    </div>
  );
}

/** Commits, pull requests and tests; changed files where their column has no room. */
function CameOf({ session: { outcome, files_modified_count: files, status } }: { session: Session }) {
  if (!outcome) return null;
  const { commits, pull_requests: requests, tests, failed_tests: failed } = outcome;
  return (
    <>
      {commits + requests.length + files === 0 && status !== "open" && <span title="No commit, no pull request, no changed file">nothing came of it</span>}
      {commits > 0 && <span class="is-good">{plural(commits, "commit")}</span>}
      {requests.map((url) => (
        <span key={url}>
          <a href={withParameters({ contains: url })} title={url}>
            {/\/\d+$/.test(url) ? `#${url.split("/").at(-1)}` : "pull request"}
          </a>
        </span>
      ))}
      {files > 0 && <span class="session-files">{plural(files, "file")}</span>}
      {tests === "passed" && <span title="Its last run of tests">tests passed</span>}
      {tests === "failed" && <span class="is-bad" title="In its last run of tests">{failed ? plural(failed, "test") : "tests"} failed</span>}
    </>
  );
}

/** "to 14:20", with the day where it is another one. */
function endText({ start_time, end_time }: Session): string {
  if (!end_time) return "ended";
  const [start, end] = [timeText(start_time), timeText(end_time)];
  return `to ${start.slice(0, -5) === end.slice(0, -5) ? clockText(end_time) : end}`;
}

/** What of a session is within the chosen days, and whether that is only a part of it. */
export function withinDays(session: Session) {
  const { share } = session;
  const whole = { ...session, tool_calls: session.tool_calls_count, tool_errors: session.tool_errors_count, files_modified: session.files_modified_count };
  const isPart = !!share && (share.active_minutes < session.active_minutes || share.tool_calls < session.tool_calls_count || share.messages < session.messages_count);
  return { isPart, of: isPart ? share : whole };
}

function Whole({ session }: { session: Session }) {
  const whole = [minutes(session.active_minutes), ...(session.api_calls > 0 ? [measure("cost_usd").short(moneyOf(session.cost_usd, session))] : [])].join(", ");
  const more = [plural(session.messages_count, "message"), plural(session.tool_calls_count, "tool call"), plural(session.files_modified_count, "file")].join(", ");
  return (
    <span class="session-share" title={`The columns have what is within the chosen days. The whole session: ${whole}, ${more}.`}>
      {whole} in all
    </span>
  );
}

function Cell({ name, title, below, children }: { name: string; title?: string; below?: preact.ComponentChildren; children: preact.ComponentChildren }) {
  return (
    <div class={`session-cell is-${name}`}>
      <span title={title}>{children}</span>
      <span class="session-below">{below}</span>
    </div>
  );
}

export function CopyResume({ sessionId }: { sessionId: string }) {
  const command = resumeCommand(sessionId);
  // Without a clipboard the command can still be read in the session.
  const { said, copy } = useCopy(command, "No clipboard");
  return (
    <button type="button" class="button is-small is-quiet session-resume" title={`Copy: ${command}`} aria-label={`Copy ${command}`} onClick={() => void copy()}>
      {said || "Resume"}
    </button>
  );
}
