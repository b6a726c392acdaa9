/** Follows the address: reads the page around an item that is not loaded, unfolds it, and tells its row once it is there. After back and forward, the place where one stood then. */

import { useEffect, useRef, useState } from "preact/hooks";
import { address, isRevisit } from "../../address/address";
import { wordsToMark } from "./search/found_words";
import type { Target } from "./rows/row_list";
import { type Row, type Rows, smallDiff } from "./rows/rows";
import { type Story, toggle } from "./timeline/story";
import type { TimelineStore } from "./timeline/timeline_store";

/** The row at the top of the screen. */
export interface Place {
  /** Its item; "start" while the page's head shows. */
  id: string;
  key?: string;
  /** How far below the top of the screen it is; of "start", how far the page is scrolled. */
  top?: number;
}

/** Where one stood at each entry of the browser's history. */
const places = new Map<unknown, Place>();
/** A page that is opened stands at its beginning already. */
const FRESH: Place = { id: "start" };

export function useTarget(store: TimelineStore, story: Story, rows: Rows): { target: Target | null; keepPlace: (place: Place) => void } {
  const [target, setTarget] = useState<Target | null>(null);
  const wanted = useRef<Place | null>(null);
  const seen = useRef<{ here?: typeof address.value; store?: TimelineStore; entry?: unknown }>({});
  const jumps = useRef(0);
  const here = address.value;
  const state = store.state.value;
  const { current: before } = seen;

  // While rendering: else the list that is drawn next would take the place of another entry for that of this one.
  if (before.store !== store || before.here !== here) {
    const at = here.parameters.get("at");
    const differs = (name: string) => before.here !== undefined && before.here.parameters.get(name) !== here.parameters.get(name);
    // With thinking, or without: one stays where one is.
    const place = places.get(isRevisit ? history.state : differs("thinking") ? before.entry : undefined);
    if (place) wanted.current = place;
    else if (at !== null ? !differs("outcome") : isRevisit || before.store !== store) wanted.current = at !== null ? { id: at } : before.store ? { id: "start" } : FRESH;
    seen.current = { here, store, entry: history.state };
  }

  useEffect(() => {
    story.at.value = here.parameters.get("at");
    const id = wanted.current?.id;
    if (id === undefined) return;
    const { items, hasEarlier, hasLater } = store.state.peek();
    const isThere = id === "start" ? !hasEarlier : id === "end" ? !hasLater : rows.placeOf.has(id);
    if (items.length === 0 || !isThere) void store.open(id === "start" || id === "end" ? id : { around: id });
  }, [here, store]);

  // Rows change for other reasons too: then nothing is wanted any more.
  useEffect(() => {
    const to = wanted.current;
    if (to === null || state.isReading || state.items.length === 0) return;
    const number = jumps.current + 1;
    if (to.id === "start") {
      if (state.hasEarlier) return;
      if (to !== FRESH) setTarget({ index: 0, number, scrollY: to.top ?? 0 });
    } else {
      const index = to.id === "end" ? (state.hasLater ? undefined : rows.rows.length - 1) : placeIn(rows, to);
      if (index === undefined) return;
      // What is folded in a run of calls gets a row of its own first.
      if (to.top === undefined && unfold(story, rows.rows[index], to.id)) return;
      setTarget({ index: Math.max(0, Math.min(index, rows.rows.length - 1)), number, top: to.top });
    }
    jumps.current = number;
    wanted.current = null;
  }, [here, store, state, rows]);

  const keepPlace = useRef((place: Place) => {
    if (wanted.current === null) places.set(seen.current.entry, place);
  }).current;
  return { target, keepPlace };
}

function placeIn(rows: Rows, { id, key }: Place): number | undefined {
  const index = key === undefined ? -1 : rows.rows.findIndex((row) => row.key === key);
  return index >= 0 ? index : rows.placeOf.get(id);
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
