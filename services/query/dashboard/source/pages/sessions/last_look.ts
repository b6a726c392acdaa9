/** When this browser looked at the list of sessions before: what happened since then is new. A look lasts until half an hour passes without one. */

import { useEffect, useState } from "preact/hooks";
import type { Schemas } from "../../api/answers";

const PLACE = "tracker.looked";
const LOOK_MS = 30 * 60_000;

interface Look {
  at: number;
  /** When the look before it ended; 0 if there was none. */
  before: number;
}

/** Milliseconds, when the look before this one ended; 0 if there was none. */
export function useLastLook(): number {
  const [before] = useState(() => {
    const { at, before } = stored();
    return Date.now() - at > LOOK_MS ? at : before;
  });
  useEffect(() => {
    const keep = () => localStorage.setItem(PLACE, JSON.stringify({ at: Date.now(), before } satisfies Look));
    keep();
    return keep;
  }, []);
  return before;
}

function stored(): Look {
  try {
    const { at, before } = JSON.parse(localStorage.getItem(PLACE) ?? "") as Partial<Look>;
    return { at: Number(at) || 0, before: Number(before) || 0 };
  } catch {
    return { at: 0, before: 0 };
  }
}

/** Whether something happened in it since then. Of the first look nothing is new. */
export function isNewSince(before: number, { end_time, start_time }: Pick<Schemas["Session"], "end_time" | "start_time">): boolean {
  return before > 0 && Date.parse(end_time ?? start_time ?? "") > before;
}
