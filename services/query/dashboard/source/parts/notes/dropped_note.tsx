/** Numbers of one machine are of the sessions that are kept. */

import { chosen } from "../../address/filters";
import { plural } from "../../format/quantities";

export function DroppedNote({ sessions }: { sessions: number | undefined }) {
  if (!sessions || chosen.value.machine === undefined) return null;
  return <p class="note">{plural(sessions, "session")} of these days {sessions === 1 ? "was" : "were"} dropped by the rules of retention. On which machine is not known any more, so the numbers here are without them.</p>;
}
