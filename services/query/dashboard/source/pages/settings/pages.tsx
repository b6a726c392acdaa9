/** A list of the API that is read a page at a time, with a button for the next. */

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import type { Schemas } from "../../api/answers";
import { type Problem, attempt, read } from "../../api/request";
import { ProblemNote } from "../../parts/notes/problem_note";

interface Items {
  "/api/keys": Schemas["ApiKey"];
  "/api/audit": Schemas["Act"];
  "/api/tags": Schemas["Tag"];
}
type Listed = keyof Items;

const SHOWN = 20;

interface Props<P extends Listed> {
  path: P;
  what: string;
  /** Another number reads anew from the beginning. */
  version?: number;
  empty: ComponentChildren;
  children: (items: Items[P][]) => ComponentChildren;
}

export function Pages<P extends Listed>({ path, what, version = 0, empty, children }: Props<P>) {
  const items = useSignal<Items[P][] | null>(null);
  const next = useSignal<string | null>(null);
  const problem = useSignal<Problem | null>(null);

  async function readPage(cursor: string | null): Promise<void> {
    problem.value = await attempt(async () => {
      const page = (await read(path as Listed, { limit: SHOWN, cursor })) as unknown as { items: Items[P][]; next_cursor: string | null };
      items.value = cursor === null ? page.items : [...(items.peek() ?? []), ...page.items];
      next.value = page.next_cursor;
    });
  }

  useEffect(() => void readPage(null), [path, version]);

  return (
    <>
      {problem.value && <ProblemNote problem={problem.value} again={() => void readPage(null)} />}
      {items.value === null && !problem.value && (
        <div class="outline settings-outline" role="status">
          Reading {what} …
        </div>
      )}
      {items.value !== null && (items.value.length === 0 ? empty : children(items.value))}
      {next.value !== null && (
        <button type="button" class="button is-small" onClick={() => void readPage(next.value)}>
          Show more
        </button>
      )}
    </>
  );
}
