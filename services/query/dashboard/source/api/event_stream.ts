/** Server-sent events that come again after a cut: the browser's EventSource reconnects and sends the last id; this says how it stands. */

import { type Signal, signal } from "@preact/signals";

export type StreamState = "connecting" | "open" | "cut" | "paused";

export interface EventStream {
  state: Signal<StreamState>;
  close: () => void;
}

const REOPEN_MS = 3_000;
/** A browser has six connections for a host. A page that nobody sees gives its own back, and catches up when it is seen. */
const HIDDEN_MS = 20_000;

/** Calls `onEvent` with the name, data and id of each event of one of the names. `addressFrom` gets the last id that came, or "". */
export function openStream(addressFrom: (lastId: string) => string, names: readonly string[], onEvent: (name: string, data: string, id: string) => void): EventStream {
  const state = signal<StreamState>("connecting");
  let source: EventSource | null = null;
  let lastId = "";
  let reopening = 0;
  let pausing = 0;

  function open(): void {
    window.clearTimeout(reopening);
    source = new EventSource(addressFrom(lastId));
    source.onopen = () => (state.value = "open");
    source.onerror = () => {
      state.value = "cut";
      // The browser gives up after an answer that is no stream, such as the 503 of a tracker that starts.
      if (source?.readyState === EventSource.CLOSED) reopening = window.setTimeout(open, REOPEN_MS);
    };
    for (const name of names) {
      source.addEventListener(name, (event) => {
        const message = event as MessageEvent<string>;
        lastId = message.lastEventId || lastId;
        onEvent(name, message.data, message.lastEventId);
      });
    }
  }

  function stop(): void {
    window.clearTimeout(reopening);
    source?.close();
    source = null;
  }

  function onVisibility(): void {
    window.clearTimeout(pausing);
    if (!document.hidden) {
      if (state.peek() === "paused") open();
      return;
    }
    pausing = window.setTimeout(() => {
      stop();
      state.value = "paused";
    }, HIDDEN_MS);
  }

  document.addEventListener("visibilitychange", onVisibility);
  open();
  return {
    state,
    close: () => {
      document.removeEventListener("visibilitychange", onVisibility);
      window.clearTimeout(pausing);
      stop();
    },
  };
}
