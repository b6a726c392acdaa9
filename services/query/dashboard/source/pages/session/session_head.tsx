/** The head of a session: what it was, whose, how long, what it cost, and what people noted of it. */

import { useState } from "preact/hooks";
import { zone } from "../../address/range";
import type { Schemas } from "../../api/answers";
import { me } from "../../api/identity";
import { addressOf } from "../../api/request";
import { useRead } from "../../api/use_read";
import { type MeasureName, measure } from "../../format/measures";
import { modelName, projectName } from "../../format/names";
import { count, minutes, plural } from "../../format/quantities";
import { clockText, timeText } from "../../format/times";
import { Erase } from "../../parts/erase";
import { CopyText } from "../../parts/text/copy_text";
import { Hint } from "../../parts/notes/hint";
import { allTokens } from "../../parts/stats/token_split";
import { Time } from "../../parts/time";
import { type MarksChange, resumeCommand } from "../sessions/session_marks";
import { END_REASONS, sessionTitle } from "../sessions/session_row";
import { Star, Tags } from "../sessions/tags";

type Session = Schemas["Session"];

const EXPORTS = [
  { format: "markdown", label: "Markdown" },
  { format: "digest", label: "Digest" },
] as const;

interface Props {
  session: Session;
  /** Left out where the viewer may not change anything. */
  onMark?: ((change: MarksChange) => void) | undefined;
}

export function SessionHead({ session, onMark }: Props) {
  return (
    <header class="session-head">
      <p class="session-path">
        <a href="/sessions">Sessions</a>
        {session.project_name && (
          <>
            <span aria-hidden="true">/</span>
            <a href={`/sessions?range=all&project=${session.project_id}`}>{projectName(session.project_id, session.project_name)}</a>
          </>
        )}
        {session.parent_session_id && (
          <a class="badge is-accent" href={`/sessions/${encodeURIComponent(session.parent_session_id)}`}>
            Continues another session
          </a>
        )}
      </p>
      <div class="session-heading">
        <Star isOn={session.is_starred} onChange={onMark && ((is_starred) => onMark({ is_starred }))} />
        <Title session={session} onMark={onMark} />
      </div>
      <div class="session-facts">
        <State session={session} />
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
        {session.client_version && <span title="Version of Claude Code">{session.client_version}</span>}
        <span class="session-times" title={`Times in ${zone.value}`}>
          <Time at={session.start_time} />
          {session.end_time && <> to {sameDay(session) ? <time dateTime={session.end_time}>{clockText(session.end_time)}</time> : timeText(session.end_time)}</>}
        </span>
        <Tags tags={session.tags} hrefOf={(tag) => `/sessions?range=all&tag=${encodeURIComponent(tag)}`} onChange={onMark} />
        <Note session={session} onMark={onMark} />
        <Sharing session={session} onMark={onMark} />
      </div>
      <Numbers session={session} />
      <div class="session-ways">
        <CopyText text={resumeCommand(session.session_id)} label="the command that resumes it" />
        <Where session={session} />
        <span class="session-exports">
          <span class="quiet">Export</span>
          {EXPORTS.map(({ format, label }) => (
            <a key={format} href={addressOf("/api/sessions/{session_id}/export", { format, tz: zone.value }, { session_id: session.session_id })} target="_blank" rel="noopener">
              {label}
            </a>
          ))}
        </span>
        <Erase
          what={{ session_id: session.session_id }}
          name={session.session_id}
          title={sessionTitle(session)}
          about={[projectName(session.project_id, session.project_name), timeText(session.start_time)].filter(Boolean).join(" · ")}
          next={["/sessions", "Go to the sessions"]}
        />
      </div>
    </header>
  );
}

/** Where it ran. The command looks for the same folder on the machine on which it is run. */
function Where({ session }: { session: Session }) {
  const project = useRead(session.project_id === null ? null : "/api/projects/{project_id}", {}, { inPath: { project_id: session.project_id ?? 0 } });
  const machines = session.machines.map((machine) => machine.name ?? machine.machine_id).join(", ");
  const folder = project.data?.path;
  if (!machines && !folder) return null;
  return (
    <span class="quiet session-where" title="The command brings the transcript to the machine on which you run it. If the folder is elsewhere there, add --in FOLDER.">
      It ran{machines && ` on ${machines}`}
      {folder && (
        <>
          {" "}
          in <code>{folder}</code>
        </>
      )}
    </span>
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

function sameDay({ start_time, end_time }: Session): boolean {
  return start_time !== null && end_time !== null && new Date(start_time).toDateString() === new Date(end_time).toDateString();
}

function Title({ session, onMark }: Props) {
  const [isEdited, setEdited] = useState(false);
  if (isEdited && onMark)
    return (
      <input
        class="session-title-input"
        aria-label="Title"
        maxLength={300}
        defaultValue={session.title ?? ""}
        placeholder="Leave it empty for the title that Claude Code gave it"
        ref={(input) => input?.focus()}
        onKeyDown={(event) => {
          if (event.key === "Enter") event.currentTarget.blur();
          if (event.key === "Escape") setEdited(false);
        }}
        onBlur={(event) => {
          const title = event.currentTarget.value.trim();
          setEdited(false);
          if (title !== (session.title ?? "")) onMark({ title: title || null });
        }}
      />
    );
  return (
    <>
      <h1 class={session.title ? "" : "is-untitled"}>{sessionTitle(session)}</h1>
      {onMark && (
        <button type="button" class="button is-small is-quiet" onClick={() => setEdited(true)}>
          Rename
        </button>
      )}
      {session.own_title && onMark && (
        <button type="button" class="button is-small is-quiet" title="Forget the new name, and use the title that Claude Code gave it" onClick={() => onMark({ title: null })}>
          Use Claude's title
        </button>
      )}
    </>
  );
}

function Note({ session, onMark }: Props) {
  const [isEdited, setEdited] = useState(false);
  if (isEdited && onMark)
    return (
      <div class="session-note-edit">
        <textarea
          class="input"
          aria-label="Note"
          rows={3}
          maxLength={65_536}
          defaultValue={session.note ?? ""}
          ref={(area) => area?.focus()}
          onKeyDown={(event) => {
            if (event.key === "Escape") setEdited(false);
            if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) event.currentTarget.blur();
          }}
          onBlur={(event) => {
            const note = event.currentTarget.value.trim();
            setEdited(false);
            if (note !== (session.note ?? "")) onMark({ note: note || null });
          }}
        />
        <span class="quiet">Click elsewhere to save. Press Esc to discard.</span>
      </div>
    );
  if (!session.note)
    return onMark ? (
      <button type="button" class="button is-small is-quiet" onClick={() => setEdited(true)}>
        Add a note
      </button>
    ) : null;
  return (
    <p class="session-note-text">
      {session.note}
      {onMark && (
        <button type="button" class="button is-small is-quiet" onClick={() => setEdited(true)}>
          Edit
        </button>
      )}
    </p>
  );
}

/** Whether keys of other people read it. */
function Sharing({ session, onMark }: Props) {
  const isShared = (session.visibility ?? me.value?.sessions) === "shared";
  if (!onMark) return isShared ? <span class="badge">shared</span> : null;
  return (
    <button
      type="button"
      class="button is-small is-quiet"
      title={isShared ? "Keys of other people read this session" : "Only keys of its person read this session, and keys that read everything"}
      onClick={() => onMark({ visibility: isShared ? "private" : "shared" })}
    >
      {isShared ? "Stop sharing" : "Share"}
    </button>
  );
}

/** The numbers, each with its definition. Wall time and active time stand side by side, so that neither is taken for the other. */
function Numbers({ session }: { session: Session }) {
  const kinds = `Input ${count(session.input_tokens)}, output ${count(session.output_tokens)}, cache writes ${count(session.cache_creation_tokens)}, cache reads ${count(session.cache_read_tokens)}.`;
  return (
    <dl class="session-numbers">
      <Fact of="active_minutes" text={minutes(session.active_minutes)} />
      <Fact of="time_minutes" text={minutes(session.duration_minutes)} />
      <Fact
        of="cost_usd"
        text={session.api_calls === 0 && session.cost_usd === null ? "–" : measure("cost_usd").short(session.cost_usd)}
        note={session.unpriced_calls > 0 ? `${plural(session.unpriced_calls, "call")} not priced` : undefined}
      />
      <Fact of="total_tokens" text={measure("total_tokens").short(allTokens(session))} more={kinds} />
      <Fact of="messages" text={count(session.messages_count)} />
      <Fact of="tool_calls" text={count(session.tool_calls_count)} note={session.tool_errors_count > 0 ? `${count(session.tool_errors_count)} failed` : undefined} isBad />
      <Fact of="lines_added" text={`+${count(session.lines_added)} −${count(session.lines_removed)}`} label="Lines" more={measure("lines_removed").definition} />
      <Fact of="files_modified" text={count(session.files_modified_count)} />
    </dl>
  );
}

function Fact({ of, text, note, label, more, isBad }: { of: MeasureName; text: string; note?: string | undefined; label?: string; more?: string; isBad?: boolean }) {
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
