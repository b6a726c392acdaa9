/** The head of a session in two lines: what it was, whose, how long, what it cost. The rest is in session_more.tsx. */

import { zone } from "../../address/range";
import type { Schemas } from "../../api/answers";
import { type MeasureName, measure } from "../../format/measures";
import { modelName, projectName } from "../../format/names";
import { count, minutes, moneyOf, plural } from "../../format/quantities";
import { clockText, dayAt, timeText } from "../../format/times";
import { Hint } from "../../parts/notes/hint";
import { Time } from "../../parts/time";
import { ListSwitch, listAddress } from "../sessions/session_side";
import type { MarksChange } from "../sessions/session_marks";
import { END_REASONS, sessionTitle } from "../sessions/session_row";
import { Star, Tags } from "../sessions/tags";

type Session = Schemas["Session"];

interface Props {
  session: Session;
  /** Left out where the viewer may not change anything. */
  onMark?: ((change: MarksChange) => void) | undefined;
}

export function SessionHead({ session, onMark }: Props) {
  return (
    <header class="session-head">
      <div class="session-heading">
        <Star isOn={session.is_starred} onChange={onMark && ((is_starred) => onMark({ is_starred }))} />
        <p class="session-path">
          <ListSwitch />
          <a href={listAddress()}>Sessions</a> /{" "}
          {session.project_name && (
            <>
              <a href={`/sessions?range=all&project=${session.project_id}`}>{projectName(session.project_id, session.project_name)}</a> /
            </>
          )}
        </p>
        <h1 class={session.title ? "" : "is-untitled"} title={sessionTitle(session)}>
          {sessionTitle(session)}
        </h1>
      </div>
      <div class="session-facts">
        <State session={session} />
        {session.parent_session_id && (
          <a class="badge is-accent" href={`/sessions/${encodeURIComponent(session.parent_session_id)}`}>
            Continues another session
          </a>
        )}
        {session.user && <a href={`/sessions?range=all&user=${encodeURIComponent(session.user)}`}>{session.user}</a>}
        {session.machines.map((machine) => (
          <a key={machine.machine_id} href={`/sessions?range=all&machine=${encodeURIComponent(machine.machine_id)}`} title="The machine it was seen on">
            {machine.name ?? machine.machine_id}
          </a>
        ))}
        {session.git_branch && (
          <a class="is-code" href={`/sessions?range=all&branch=${encodeURIComponent(session.git_branch)}`} title="Git branch">
            {session.git_branch}
          </a>
        )}
        {session.model && <span title={session.model}>{modelName(session.model)}</span>}
        <span title={`Times in ${zone.value}`}>
          <Time at={session.start_time} />
          {session.end_time && <> to {dayAt(session.start_time) === dayAt(session.end_time) ? <time dateTime={session.end_time}>{clockText(session.end_time)}</time> : timeText(session.end_time)}</>}
        </span>
        <Tags tags={session.tags} hrefOf={(tag) => `/sessions?range=all&tag=${encodeURIComponent(tag)}`} onChange={onMark} />
        <dl class="session-numbers">
          <Fact of="active_minutes" text={minutes(session.active_minutes)} />
          <Fact
            of="cost_usd"
            text={measure("cost_usd").short(moneyOf(session.cost_usd, session))}
            note={session.unpriced_calls > 0 ? `${plural(session.unpriced_calls, "call")} not priced` : undefined}
          />
          <Fact of="tool_calls" text={count(session.tool_calls_count)} note={session.tool_errors_count > 0 ? `${count(session.tool_errors_count)} failed` : undefined} isBad />
          <Fact of="lines_added" text={`+${count(session.lines_added)} −${count(session.lines_removed)}`} label="Lines" more={measure("lines_removed").definition} />
          <Fact of="files_modified" text={count(session.files_modified_count)} />
        </dl>
      </div>
    </header>
  );
}

function State({ session }: { session: Session }) {
  if (session.status === "open") return <span class="badge is-good">● open</span>;
  return (
    <span class="badge" title={END_REASONS[session.end_reason ?? "other"]}>
      ended
    </span>
  );
}

export function Fact({ of, text, note, label, more, isBad }: { of: MeasureName; text: string; note?: string | undefined; label?: string; more?: string; isBad?: boolean }) {
  const { label: usual, definition } = measure(of);
  return (
    <div>
      <dt>
        <Hint text={more ? `${definition}\n${more}` : definition}>{label ?? usual}</Hint>
      </dt>
      <dd>
        {text}
        {note && <span class={isBad ? "is-bad" : "is-warn"}> {note}</span>}
      </dd>
    </div>
  );
}
