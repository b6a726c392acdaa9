/** The list of sessions, or one of them. */

import { parts } from "../../address/address";
import { seesTexts } from "../../api/identity";
import { EmptyNote } from "../../parts/notes/empty_note";
import { lazily } from "../../parts/lazily";
import { SessionList } from "./session_list";
import { SessionSide, useSideList } from "./session_side";

const Session = lazily(() => import("../session/session"));

/** The list beside it stays as it is when another session is opened. */
function WithList({ id }: { id: string }) {
  const hasList = useSideList();
  return (
    <div class={hasList ? "with-list" : undefined}>
      <div>
        <Session key={id} id={id} />
      </div>
      {hasList && <SessionSide id={id} />}
    </div>
  );
}

export default function Sessions() {
  const id = parts.value[1];
  if (!seesTexts.value)
    return (
      <>
        <h1>Sessions</h1>
        <EmptyNote title="This key shows numbers, not sessions.">
          A key with the scope read shows them. <a href="/overview">The overview</a> has their numbers.
        </EmptyNote>
      </>
    );
  if (id === undefined) return <SessionList />;
  return <WithList id={id} />;
}
