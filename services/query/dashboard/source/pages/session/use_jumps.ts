/** Ways through a session: to an item of the address, to the next prompt, the next failed call, the ends. */

import { useEffect, useRef } from "preact/hooks";
import { go, withParameters } from "../../address/address";
import { Problem, read } from "../../api/request";
import { type PageKey, pageKeys } from "../../shell/keyboard";
import { toNeighbour } from "../sessions/session_side";
import { toHit } from "./search/hit_steps";
import type { Turn } from "./timeline/story";

interface Failed {
  id: string;
  time: number;
}

interface Ways {
  sessionId: string;
  agentId: string | null;
  turns: readonly Turn[];
  /** The turn and the time of what is at the top of the screen. */
  here: () => { turn: number; time: number; id: string | null };
  onProblem: (problem: Problem) => void;
  toggleThinking: () => void;
}

export interface Jumps {
  toStart: () => void;
  toEnd: () => void;
  toPrompt: (step: 1 | -1) => void;
  toError: (step: 1 | -1) => void;
}

/** Goes to an item. The same again goes there again. */
export function goToItem(id: string): void {
  go(withParameters({ at: id }));
}

export function useJumps(ways: Ways): Jumps {
  const latest = useRef(ways);
  latest.current = ways;
  const failed = useRef<{ of: string; calls: Promise<Failed[]> } | null>(null);

  async function toError(step: 1 | -1): Promise<void> {
    const { sessionId, agentId, turns, here, onProblem } = latest.current;
    // Read anew once the session has more of them.
    const of = `${agentId} ${turns.reduce((sum, turn) => sum + turn.tool_errors, 0)}`;
    if (failed.current?.of !== of) failed.current = { of, calls: failedCalls(sessionId, agentId) };
    try {
      const calls = await failed.current.calls;
      const { time, id } = here();
      const at = calls.findIndex((call) => call.id === id);
      const next = at >= 0 ? calls[at + step] : step > 0 ? calls.find((call) => call.time > time) : calls.findLast((call) => call.time < time);
      if (next) goToItem(next.id);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      failed.current = null;
      onProblem(error);
    }
  }

  const jumps: Jumps = {
    toStart: () => goToItem("start"),
    toEnd: () => goToItem("end"),
    toPrompt: (step) => {
      const { turns, here } = latest.current;
      const prompts = turns.filter((turn) => turn.first_item_id !== null);
      const { turn, id } = here();
      // From within a turn, the one before is its own prompt.
      const next = step > 0 ? prompts.find((each) => each.number > turn) : prompts.findLast((each) => each.number < turn || (each.number === turn && each.first_item_id !== id));
      if (next?.first_item_id) goToItem(next.first_item_id);
      else if (step < 0) goToItem("start");
    },
    toError: (step) => void toError(step),
  };
  const current = useRef(jumps);
  current.current = jumps;
  useEffect(() => {
    const keys: PageKey[] = [
      { key: "n", what: "Next prompt", run: () => current.current.toPrompt(1) },
      { key: "p", what: "Previous prompt", run: () => current.current.toPrompt(-1) },
      { key: "e", what: "Next failed call", run: () => current.current.toError(1) },
      { key: "E", what: "Previous failed call", run: () => current.current.toError(-1) },
      { key: "f", what: "Next hit of the search", run: () => toHit(1) },
      { key: "F", what: "Previous hit of the search", run: () => toHit(-1) },
      { key: "J", what: "Next session of the list at the side", run: () => toNeighbour(latest.current.sessionId, 1) },
      { key: "K", what: "The session before in that list", run: () => toNeighbour(latest.current.sessionId, -1) },
      { key: "Home", what: "Beginning of the session", run: () => current.current.toStart() },
      { key: "End", what: "End of the session", run: () => current.current.toEnd() },
      { key: "t", what: "Thinking on or off", run: () => latest.current.toggleThinking() },
    ];
    pageKeys.value = keys;
    return () => {
      if (pageKeys.peek() === keys) pageKeys.value = [];
    };
  }, []);
  return jumps;
}

/** The failed calls of one thread, oldest first. */
async function failedCalls(sessionId: string, agentId: string | null): Promise<Failed[]> {
  const found: Failed[] = [];
  for (const status of ["error", "timeout"] as const) {
    let cursor: string | null = null;
    do {
      const page: { items: { id: string; agent_id: string | null; timestamp: string | null }[]; next_cursor: string | null } = await read(
        "/api/tool-calls",
        { session_id: sessionId, status, limit: 500, cursor },
      );
      for (const call of page.items) if (call.agent_id === agentId) found.push({ id: call.id, time: call.timestamp ? Date.parse(call.timestamp) : -Infinity });
      cursor = page.next_cursor;
    } while (cursor !== null);
  }
  return found.sort((a, b) => a.time - b.time);
}
