/** Follows `at` of the address: reads the page around an item that is not loaded, and tells its row once it is there. */

import type { Signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { address } from "../../address/address";
import type { Target } from "./row_list";
import type { Rows } from "./rows";
import type { TimelineStore } from "./timeline_store";

/** `marked` becomes the item that is gone to. */
export function useTarget(store: TimelineStore, marked: Signal<string | null>, rows: Rows): Target | null {
  const [target, setTarget] = useState<Target | null>(null);
  const wanted = useRef<string | null>(null);
  const opened = useRef<TimelineStore | null>(null);
  const jumps = useRef(0);
  const here = address.value;
  const state = store.state.value;

  useEffect(() => {
    const at = here.parameters.get("at");
    const isNew = opened.current !== store;
    opened.current = store;
    marked.value = at;
    wanted.current = at;
    if (at === null) {
      if (isNew) void store.open("start");
    } else if (at === "start" || at === "end") {
      const isThere = !isNew && state.items.length > 0 && !(at === "end" ? state.hasLater : state.hasEarlier);
      if (!isThere) void store.open(at);
    } else if (!rows.placeOf.has(at)) void store.open({ around: at });
  }, [here, store]);

  // Rows change for other reasons too: then nothing is wanted any more.
  useEffect(() => {
    const at = wanted.current;
    if (at === null || state.isReading || state.items.length === 0) return;
    if (at === "start") {
      if (state.hasEarlier) return;
      window.scrollTo(0, 0);
    } else {
      const index = at === "end" ? (state.hasLater ? undefined : rows.rows.length - 1) : rows.placeOf.get(at);
      if (index === undefined) return;
      setTarget({ index: Math.max(0, Math.min(index, rows.rows.length - 1)), number: ++jumps.current });
    }
    wanted.current = null;
  }, [here, store, state, rows]);
  return target;
}
