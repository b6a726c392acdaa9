/** Star, tags, note and title of a session: what people add to it. */

import type { Schemas } from "../../api/answers";
import { mayImport, me, seesTexts } from "../../api/identity";
import { addressOf, send } from "../../api/request";

export type Marks = Schemas["SessionMarks"];
/** Whether the viewer may change the marks of a session: with both scopes, and a person's key of that person's sessions alone. */
export function mayMark(session: Schemas["Session"]): boolean {
  const key = me.value?.key;
  return mayImport.value && seesTexts.value && (!key?.user || !session.user || session.user === key.user);
}

export type MarksChange = Partial<Schemas["SessionMarksChange"]>;

/** Changes them, and tells how they are now. Throws a Problem. */
export async function mark(sessionId: string, change: MarksChange): Promise<Marks> {
  const response = await send("PATCH", addressOf("/api/sessions/{session_id}", {}, { session_id: sessionId }), change);
  return (await response.json()) as Marks;
}

/** A session with these marks. A title that was taken away shows with the next reading alone: the marks do not know Claude Code's. */
export function withMarks<S extends Schemas["Session"]>(session: S, marks: Marks): S {
  return {
    ...session,
    is_starred: marks.is_starred,
    tags: marks.tags,
    note: marks.note,
    visibility: marks.visibility,
    ...(marks.title === null ? {} : { title: marks.title, own_title: true }),
  };
}

/** What resumes a session in a terminal, on any machine: the tracker brings the transcript, which Claude Code may have swept. */
export function resumeCommand(sessionId: string): string {
  return `tracker resume ${/^[\w.-]+$/.test(sessionId) ? sessionId : `'${sessionId.replaceAll("'", "'\\''")}'`}`;
}
