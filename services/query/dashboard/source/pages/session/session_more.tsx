/** What is folded below the head of a session: the other numbers, the way to resume it, its exports, and what people change of it. */

import { useState } from "preact/hooks";
import { zone } from "../../address/range";
import type { Schemas } from "../../api/answers";
import { me } from "../../api/identity";
import { addressOf } from "../../api/request";
import { measure } from "../../format/measures";
import { projectName } from "../../format/names";
import { count, minutes } from "../../format/quantities";
import { timeText } from "../../format/times";
import { Erase } from "../../parts/erase";
import { allTokens } from "../../parts/stats/token_split";
import { CopyText } from "../../parts/text/copy_text";
import { type MarksChange, resumeCommand } from "../sessions/session_marks";
import { sessionTitle } from "../sessions/session_row";
import { Fact } from "./session_head";

const EXPORTS = [
  { format: "markdown", label: "Markdown" },
  { format: "digest", label: "Digest" },
] as const;

interface Props {
  session: Schemas["Session"];
  /** Left out where the viewer may not change anything. */
  onMark?: ((change: MarksChange) => void) | undefined;
  /** The folder of its project. */
  folder: string | null;
}

export function SessionMore({ session, onMark, folder }: Props) {
  const [edited, edit] = useState<"title" | "note" | null>(null);
  const kinds = `Input ${count(session.input_tokens)}, output ${count(session.output_tokens)}, cache writes ${count(session.cache_creation_tokens)}, cache reads ${count(session.cache_read_tokens)}.`;
  const machines = session.machines.map((machine) => machine.name ?? machine.machine_id).join(", ");
  const isShared = (session.visibility ?? me.value?.sessions) === "shared";
  return (
    <>
      <div class="session-ways">
        <CopyText text={resumeCommand(session.session_id)} label="the command that resumes it" />
        {(machines || folder) && (
          <span class="quiet session-where" title="The command brings the transcript to the machine on which you run it. If the folder is elsewhere there, add --in FOLDER.">
            It ran{machines && ` on ${machines}`}
            {folder && (
              <>
                {" "}
                in <code>{folder}</code>
              </>
            )}
          </span>
        )}
        <span class="session-exports">
          <span class="quiet">Export</span>
          {EXPORTS.map(({ format, label }) => (
            <a key={format} href={addressOf("/api/sessions/{session_id}/export", { format, tz: zone.value }, { session_id: session.session_id })} target="_blank" rel="noopener">
              {label}
            </a>
          ))}
        </span>
      </div>
      <div class="session-ways">
        <dl class="session-numbers">
          <Fact of="time_minutes" text={minutes(session.duration_minutes)} />
          <Fact of="total_tokens" text={measure("total_tokens").short(allTokens(session))} more={kinds} />
          <Fact of="messages" text={count(session.messages_count)} />
        </dl>
        {session.client_version && <span class="quiet">Claude Code {session.client_version}</span>}
        {onMark ? (
          <>
            <Act label="Rename" run={() => edit("title")} />
            {session.own_title && <Act label="Use Claude's title" title="Forget the new name, and use the title that Claude Code gave it" run={() => onMark({ title: null })} />}
            <Act label={session.note ? "Edit the note" : "Add a note"} run={() => edit("note")} />
            <Act
              label={isShared ? "Stop sharing" : "Share"}
              title={isShared ? "Keys of other people read this session" : "Only its person's keys read this session, and keys that read everything"}
              run={() => onMark({ visibility: isShared ? "private" : "shared" })}
            />
          </>
        ) : (
          isShared && <span class="badge">shared</span>
        )}
        <Erase
          what={{ session_id: session.session_id }}
          name={session.session_id}
          title={sessionTitle(session)}
          about={[projectName(session.project_id, session.project_name), timeText(session.start_time)].filter(Boolean).join(" · ")}
          next={["/sessions", "Go to the sessions"]}
        />
      </div>
      {onMark && edited && <Edit key={edited} name={edited} session={session} onMark={onMark} onDone={() => edit(null)} />}
    </>
  );
}

function Act({ label, title, run }: { label: string; title?: string; run: () => void }) {
  return (
    <button type="button" class="button is-small is-quiet" title={title} onClick={run}>
      {label}
    </button>
  );
}

/** The field of a title or a note; it is saved when one leaves it. */
function Edit({ name, session, onMark, onDone }: { name: "title" | "note"; session: Schemas["Session"]; onMark: (change: MarksChange) => void; onDone: () => void }) {
  const before = session[name] ?? "";
  const isNote = name === "note";
  return (
    <div class="session-edit">
      <textarea
        class="input"
        aria-label={isNote ? "Note" : "Title"}
        rows={isNote ? 3 : 1}
        maxLength={isNote ? 65_536 : 300}
        defaultValue={before}
        placeholder={isNote ? "" : "Leave it empty for the title that Claude Code gave it"}
        ref={(area) => area?.focus()}
        onKeyDown={(event) => {
          if (event.key === "Escape") event.currentTarget.value = before;
          else if (event.key !== "Enter" || (isNote && !event.metaKey && !event.ctrlKey)) return;
          event.preventDefault();
          event.currentTarget.blur();
        }}
        onBlur={(event) => {
          const text = event.currentTarget.value.trim();
          onDone();
          if (text !== before) onMark({ [name]: text || null });
        }}
      />
      <span class="quiet">Click elsewhere to save. Press Esc to discard.</span>
    </div>
  );
}
