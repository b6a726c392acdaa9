/** The live board of the page: reads the open sessions, follows the feed from before that, and reads again now and then and after a gap. */

import { type Signal, signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import type { Answer } from "../../api/answers";
import { type EventStream, type StreamState, openStream } from "../../api/event_stream";
import { seesTextsOfCounts } from "../../api/identity";
import { Problem, addressOf, read } from "../../api/request";
import { tell, waitingFrom } from "../../shell/waiting";
import { LiveBoard, type LiveItem } from "./live_board";

type Listed = Answer<"/api/live/sessions">;

const KINDS = ["session_started", "session_reopened", "session_ended", "prompt", "reply", "tool_started", "tool_finished", "file_changed", "waiting", "state_changed", "gap"];
/** So far back the feed begins when the page opens: the last thing that happened, and what came shortly before. */
const BACK_MS = 10 * 60_000;
const READ_MS = 10_000;
/** A key for numbers learns states from the rows alone, so they are read soon after each event. */
const COUNT_MS = 800;

export interface Live {
  board: LiveBoard;
  /** Goes up with each change of the board. */
  version: Signal<number>;
  listed: Signal<Listed | null>;
  problem: Signal<Problem | null>;
  state: Signal<StreamState>;
  /** Reads the open sessions now. */
  again: () => void;
}

interface Running extends Live {
  stop: () => void;
}

export function useLive(): Live {
  const [live] = useState<Running>(start);
  useEffect(() => live.stop, [live]);
  return live;
}

/** Whether nothing has happened lately, as far as the rows and the feed tell. */
export function isQuietNow({ board, version, listed }: Live): boolean {
  void version.value;
  const since = Date.now() - BACK_MS;
  return listed.value !== null && board.feed.length === 0 && listed.value.items.every((row) => Date.parse(row.last_event_at) < since);
}

function start(): Running {
  const board = new LiveBoard();
  const version = signal(0);
  const listed = signal<Listed | null>(null);
  const problem = signal<Problem | null>(null);
  const state = signal<StreamState>("connecting");
  let stream: EventStream | null = null;
  let forget = () => {};
  let isStopped = false;
  let readAt = 0;
  let isReading = false;
  let isDirty = false;
  const waiting: [string, LiveItem][] = [];
  let drawing = 0;

  /** Items that come together are drawn together. */
  function draw(): void {
    drawing = 0;
    for (const [id, item] of waiting.splice(0)) board.take(id, item);
    changed();
  }

  function changed(): void {
    version.value += 1;
    tell(seesTextsOfCounts.peek() ? board.openSessions : waitingFrom(listed.peek()?.items ?? []));
  }

  function onEvent(name: string, data: string, id: string): void {
    if (name === "gap") {
      readAt = 0;
      return;
    }
    isDirty = true;
    waiting.push([id, JSON.parse(data) as LiveItem]);
    if (!drawing) drawing = window.setTimeout(draw, 30);
  }

  async function readSessions(): Promise<void> {
    if (isReading || isStopped) return;
    isReading = true;
    isDirty = false;
    try {
      const answer = await read("/api/live/sessions");
      if (isStopped) return;
      board.read(answer.items, answer.last_event_id);
      problem.value = null;
      listed.value = answer;
      changed();
      if (!stream) {
        const [ms] = answer.last_event_id.split("-");
        const from = Math.max(0, Number(ms) - BACK_MS);
        stream = openStream((lastId) => addressOf("/api/live", { last_event_id: lastId || `${from}-0` }), KINDS, onEvent);
        forget = stream.state.subscribe((value) => {
          state.value = value;
          if (value === "open") readAt = 0;
        });
      }
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      problem.value = error;
    } finally {
      readAt = Date.now();
      isReading = false;
    }
  }

  void readSessions();
  const timer = window.setInterval(() => {
    const age = Date.now() - readAt;
    const isDue = age >= READ_MS || (!seesTextsOfCounts.peek() && isDirty && age >= COUNT_MS);
    if (!document.hidden && isDue) void readSessions();
  }, 400);

  return {
    board,
    version,
    listed,
    problem,
    state,
    again: () => void readSessions(),
    stop: () => {
      isStopped = true;
      window.clearInterval(timer);
      window.clearTimeout(drawing);
      forget();
      stream?.close();
    },
  };
}
