/** Follows `at` of the address: reads the page around an item that is not loaded, unfolds it, and tells its row once it is there. */

import { useEffect, useRef, useState } from "preact/hooks";
import { address } from "../../address/address";
import { wordsToMark } from "./search/found_words";
import type { Target } from "./rows/row_list";
import { type Row, type Rows, smallDiff } from "./rows/rows";
import { type Story, toggle } from "./timeline/story";
import type { TimelineStore } from "./timeline/timeline_store";

export function useTarget(store: TimelineStore, story: Story, rows: Rows): Target | null {
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
    story.at.value = at;
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
      // What is folded in a run of calls gets a row of its own first.
      if (unfold(story, rows.rows[index], at)) return;
      setTarget({ index: Math.max(0, Math.min(index, rows.rows.length - 1)), number: ++jumps.current });
    }
    wanted.current = null;
  }, [here, store, state, rows]);
  return target;
}

/** Shows the item of a row: whole, if the words of a search are in it, or a diff that does not show by itself. True if it is one of a run that was folded: then the rows become others. */
function unfold(story: Story, row: Row | undefined, id: string): boolean {
  if (row?.kind === "run" && !row.isOpen && row.calls.some((call) => call.id === id)) {
    toggle(story.runs, id);
    return true;
  }
  const hidesDiff = row?.kind === "call" && row.item.changes.length > 0 && smallDiff(row.item) === null;
  if (row && (hidesDiff || wordsToMark().length > 0)) story.opened.value = new Set([...story.opened.peek(), row.key, `text-${row.key}`]);
  return false;
}
