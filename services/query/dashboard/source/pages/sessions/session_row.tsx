/** One session of the list: the title with all the room, and its numbers in columns. */

import { withParameters } from "../../address/address";
import type { Schemas } from "../../api/answers";
import { measure } from "../../format/measures";
import { count, minutes, moneyOf, plural } from "../../format/quantities";
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
  explicit: "ended by a client",
  idle: "ended: nothing was heard of it for long",
  imported: "only its summary is known, from claude.json",
  clear: "ended by /clear",
  resume: "ended: another session was resumed",
  logout: "ended by a logout",
  prompt_input_exit: "ended at the prompt",
  other: "ended",
};

export function shortModel(model: string): string {
  return model.replace(/^claude-/, "").replace(/-\d{8}$/, "");
}

export function sessionAddress(id: string): string {
  return `/sessions/${encodeURIComponent(id)}`;
}

export function sessionTitle(session: Pick<Session, "title">): string {
  return session.title?.trim() || "Without a title";
}

interface Props {
  session: Session;
  differing: Differing;
  top: number;
  onMark?: ((change: MarksChange) => void) | undefined;
}

export function SessionRow({ session, differing, top, onMark }: Props) {
  const { session_id, tool_errors_count, duration_minutes, active_minutes } = session;
  const tokens = session.input_tokens + session.output_tokens + session.cache_creation_tokens + session.cache_read_tokens;
  return (
    <div class="session-row" role="listitem" style={{ top: `${top}px` }}>
      <Star isOn={session.is_starred} onChange={onMark && ((is_starred) => onMark({ is_starred }))} />
      <div class="session-what">
        <a class={session.title ? "session-title" : "session-title is-untitled"} href={sessionAddress(session_id)} data-item title={session.title ?? session_id}>
          {sessionTitle(session)}
        </a>
        <div class="session-about">
          {session.status === "open" && <span class="badge is-good">● open</span>}
          {differing.project && session.project_name && <a href={withParameters({ project: String(session.project_id) })}>{session.project_name}</a>}
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
          {differing.model && session.model && <a href={withParameters({ model: session.model })}>{shortModel(session.model)}</a>}
          <Share session={session} />
          {session.note && (
            <span class="session-note" title={session.note}>
              ✎ {session.note}
            </span>
          )}
          <Tags tags={session.tags} hrefOf={(tag) => withParameters({ tag })} onChange={onMark} />
        </div>
      </div>
      <Cell name="started" below={session.status === "open" ? "open" : <span title={END_REASONS[session.end_reason ?? "other"]}>{session.end_reason === "idle" ? "ended, idle" : "ended"}</span>}>
        <Time at={session.start_time} />
      </Cell>
      <Cell name="active" title={measure("active_minutes").definition} below={<span title="From its first to its last event, breaks included.">of {minutes(duration_minutes)}</span>}>
        {minutes(active_minutes)}
      </Cell>
      <Cell
        name="cost"
        title={session.unpriced_calls ? `Without ${plural(session.unpriced_calls, "call")} whose model has no known price.` : measure("cost_usd").definition}
        below={tokens > 0 && <span title={`${count(tokens)} tokens`}>{measure("total_tokens").short(tokens)} tok</span>}
      >
        {tokens === 0 && session.cost_usd == null ? "–" : measure("cost_usd").short(session.cost_usd)}
        {session.cost_usd != null && session.unpriced_calls > 0 && "+"}
      </Cell>
      <Cell name="tools" below={tool_errors_count > 0 && <span class="is-bad">{count(tool_errors_count)} failed</span>}>
        {plural(session.tool_calls_count, "call")}
      </Cell>
      <Cell name="lines" below={session.files_modified_count > 0 && plural(session.files_modified_count, "file")}>
        {session.lines_added + session.lines_removed > 0 ? (
          <>
            <span class="is-good">+{count(session.lines_added)}</span> <span class="is-bad">−{count(session.lines_removed)}</span>
          </>
        ) : (
          "–"
        )}
      </Cell>
      <CopyResume sessionId={session_id} />
    </div>
  );
}

/** What of it is within the chosen days, where that is not all of it. */
function Share({ session }: { session: Session }) {
  const { share } = session;
  const isPart = share && (share.active_minutes < session.active_minutes || share.tool_calls < session.tool_calls_count || share.messages < session.messages_count);
  if (!isPart) return null;
  const cost = share.api_calls > 0 ? `, ${measure("cost_usd").short(moneyOf(share.cost_usd, share))}` : "";
  const more = [plural(share.user_messages, "prompt"), plural(share.tool_calls, "tool call"), plural(share.files_modified, "file")].join(", ");
  return (
    <span class="session-share" title={`Of this session within the chosen days: ${minutes(share.active_minutes)}${cost}, ${more}. The columns are of all of it.`}>
      {minutes(share.active_minutes)}
      {cost} in these days
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

function CopyResume({ sessionId }: { sessionId: string }) {
  const command = resumeCommand(sessionId);
  // Without a clipboard the command can still be read in the session.
  const { said, copy } = useCopy(command, "No clipboard");
  return (
    <button type="button" class="button is-small is-quiet session-resume" title={`Copy: ${command}`} aria-label={`Copy ${command}`} onClick={() => void copy()}>
      {said || "Resume"}
    </button>
  );
}
