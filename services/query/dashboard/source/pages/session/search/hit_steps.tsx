/** The hits of the search in this session one after the other, in the order in which they happened. */

import { signal } from "@preact/signals";
import { address, go, parameter, withParameters } from "../../../address/address";
import { count } from "../../../format/quantities";
import { placeOf } from "../../../search/hit";
import type { Match } from "../../../search/use_search";

/** Those of the query that the address has. */
export const hitsInOrder = signal<readonly Match[]>([]);

export function inOrder(hits: readonly Match[]): Match[] {
  return [...hits].sort((a, b) => (a.timestamp ?? "").localeCompare(b.timestamp ?? ""));
}

/** The address of a hit's place, with the query that found it. */
export function hitPlace(hit: Match, query: string): string {
  return withParameters({ q: query }, address.value.path, new URLSearchParams(placeOf(hit.timeline_id ?? "", hit)));
}

/** To the hit behind or before the one that is shown; from elsewhere, to the first or the last. */
export function toHit(step: 1 | -1): void {
  const hits = hitsInOrder.peek();
  const at = shownAt(hits);
  const next = at >= 0 ? hits[at + step] : step > 0 ? hits[0] : hits.at(-1);
  if (next) go(hitPlace(next, parameter("q") ?? ""));
}

function shownAt(hits: readonly Match[]): number {
  const at = parameter("at");
  return hits.findIndex((hit) => hit.timeline_id === at);
}

export function HitSteps() {
  const hits = hitsInOrder.value;
  // Their place is kept while they are looked for: nothing beside them moves.
  if (hits.length === 0 && !parameter("q")) return null;
  const at = shownAt(hits);
  return (
    <span class={hits.length === 0 ? "hit-steps is-empty" : "hit-steps"} role="group" aria-label="Hits in this session">
      <button type="button" class="button is-small" aria-label="Previous hit" title="Previous hit (F)" disabled={at === 0} onClick={() => toHit(-1)}>
        ‹
      </button>
      <span role="status">
        {at < 0 ? "" : `${count(at + 1)} of `}
        {count(hits.length)}
        <span class="only-read"> hits</span>
      </span>
      <button type="button" class="button is-small" aria-label="Next hit" title="Next hit (f)" disabled={at === hits.length - 1} onClick={() => toHit(1)}>
        ›
      </button>
    </span>
  );
}
