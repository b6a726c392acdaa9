/** One session from its beginning to its end: the story of what was asked, done and said. */

import { useEffect, useState } from "preact/hooks";
import { go, withParameters } from "../../address/address";
import { type Problem, attempt } from "../../api/request";
import { useRead } from "../../api/use_read";
import { EmptyNote } from "../../parts/notes/empty_note";
import { ProblemNote } from "../../parts/notes/problem_note";
import { type MarksChange, mark, mayMark, withMarks } from "../sessions/session_marks";
import { sessionAddress, sessionTitle } from "../sessions/session_row";
import { Conversation } from "./conversation";
import { SessionHead } from "./session_head";
import "../sessions/sessions.css";
import "./session.css";

const OPEN_EVERY_MS = 15_000;
const MOST_ALIKE = 20;

export default function Session({ id }: { id: string }) {
  const reading = useRead("/api/sessions/{session_id}", {}, { inPath: { session_id: id } });
  // An open session ends, or is opened again, without an event of its own reaching a closed page.
  const isOpen = reading.data?.status === "open";
  useEffect(() => {
    if (!isOpen) return;
    const timer = window.setInterval(() => document.hidden || reading.again(), OPEN_EVERY_MS);
    return () => window.clearInterval(timer);
  }, [isOpen]);
  const [changed, setChanged] = useState<{ of: unknown; marks: Awaited<ReturnType<typeof mark>> } | null>(null);
  const [markProblem, setMarkProblem] = useState<Problem | null>(null);
  const session = reading.data && changed?.of === reading.data ? withMarks(reading.data, changed.marks) : reading.data;

  async function change(wanted: MarksChange): Promise<void> {
    setMarkProblem(await attempt(async () => {
      const marks = await mark(id, wanted);
      setChanged({ of: reading.data, marks });
      if (wanted.title === null) reading.again();
    }));
  }

  const onMark = session && mayMark(session) ? (wanted: MarksChange) => void change(wanted) : undefined;
  if (reading.problem?.status === 404) return <NoSession id={id} />;
  return (
    <>
      {reading.problem && !session && (
        <header class="page-head">
          <h1>A session</h1>
        </header>
      )}
      {reading.problem && <ProblemNote problem={reading.problem} again={reading.again} />}
      {markProblem && <ProblemNote problem={markProblem} />}
      {session ? (
        <>
          <SessionHead session={session} onMark={onMark} />
          <Conversation session={session} onMark={onMark} onChange={reading.again} />
        </>
      ) : (
        !reading.problem && (
          <div class="outline session-outline" role="status">
            Reading the session …
          </div>
        )
      )}
    </>
  );
}

/** Nothing has this id. It may be the beginning of one, as the terminal takes it: the only session that begins so is shown. */
function NoSession({ id }: { id: string }) {
  const alike = useRead("/api/sessions", { id_prefix: id, limit: MOST_ALIKE });
  const sessions = alike.data?.items ?? [];
  const only = sessions.length === 1 ? sessions[0]?.session_id : undefined;
  useEffect(() => {
    if (only) go(withParameters({}, sessionAddress(only)), { replace: true });
  }, [only]);
  if (only || (!alike.data && !alike.problem))
    return (
      <div class="outline session-outline" role="status">
        Looking for the session …
      </div>
    );
  if (sessions.length > 0)
    return (
      <EmptyNote isPage title={`Several sessions begin with ${id}.`}>
        <ul>
          {sessions.map((session) => (
            <li key={session.session_id}>
              <a href={sessionAddress(session.session_id)}>{session.session_id}</a> {sessionTitle(session)}
            </li>
          ))}
        </ul>
      </EmptyNote>
    );
  return (
    <EmptyNote isPage title="There is no session of this id.">
      Its import was undone, or its events have not arrived yet. <a href="/sessions?range=all">All sessions</a>
    </EmptyNote>
  );
}
