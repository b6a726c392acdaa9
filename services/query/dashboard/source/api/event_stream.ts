/** Server-sent events that come again after a cut: the browser's EventSource reconnects and sends the last id; this says how it stands. */

import { type Signal, signal } from "@preact/signals";

export type StreamState = "connecting" | "open" | "cut";

export interface EventStream {
  state: Signal<StreamState>;
  close: () => void;
}

const REOPEN_MS = 3_000;

/** Calls `onEvent` with the name, data and id of each event of one of the names. `addressFrom` gets the last id that came, or "". */
export function openStream(addressFrom: (lastId: string) => string, names: readonly string[], onEvent: (name: string, data: string, id: string) => void): EventStream {
  const state = signal<StreamState>("connecting");
  let source: EventSource | null = null;
  let lastId = "";
  let timer = 0;

  function open(): void {
    source = new EventSource(addressFrom(lastId));
    source.onopen = () => (state.value = "open");
    source.onerror = () => {
      state.value = "cut";
      // The browser gives up after an answer that is no stream, such as the 503 of a tracker that starts.
      if (source?.readyState === EventSource.CLOSED) timer = window.setTimeout(open, REOPEN_MS);
    };
    for (const name of names) {
      source.addEventListener(name, (event) => {
        const message = event as MessageEvent<string>;
        lastId = message.lastEventId || lastId;
        onEvent(name, message.data, message.lastEventId);
      });
    }
  }

  open();
  return {
    state,
    close: () => {
      window.clearTimeout(timer);
      source?.close();
    },
  };
}
