/** Follows an open session: when something happens, what is shown is read again, at most so often. */

import { useEffect, useRef, useState } from "preact/hooks";
import { addressOf } from "../../../api/request";
import { type StreamState, openStream } from "../../../api/event_stream";

const NAMES = [
  "session_started",
  "session_reopened",
  "session_ended",
  "prompt",
  "reply",
  "tool_started",
  "tool_finished",
  "file_changed",
  "waiting",
  "gap",
] as const;
const PAUSE_MS = 400;

export interface LiveTail {
  /** null: it is not followed. */
  state: StreamState | null;
  /** What it waits for, as a hook told: a permission, an input. */
  waitsFor: string | null;
}

export function useLiveTail(sessionId: string, isOpen: boolean, onChange: () => void): LiveTail {
  const [state, setState] = useState<StreamState | null>(null);
  const [waitsFor, setWaitsFor] = useState<string | null>(null);
  const change = useRef(onChange);
  change.current = onChange;
  useEffect(() => {
    if (!isOpen) return setState(null);
    let timer = 0;
    const stream = openStream(
      (lastId) => addressOf("/api/live", { session_id: sessionId, last_event_id: lastId }),
      NAMES,
      (name, data) => {
        setWaitsFor(name === "waiting" ? reasonIn(data) : null);
        window.clearTimeout(timer);
        timer = window.setTimeout(() => change.current(), PAUSE_MS);
      },
    );
    const stop = stream.state.subscribe((now) => {
      // What happened while it was cut off comes with the next reading.
      setState((before) => {
        if (before === "cut" && now === "open") change.current();
        return now;
      });
    });
    return () => {
      window.clearTimeout(timer);
      stop();
      stream.close();
    };
  }, [sessionId, isOpen]);
  return { state, waitsFor };
}

function reasonIn(data: string): string | null {
  const { reason } = JSON.parse(data) as { reason?: string | null };
  return reason ?? null;
}
