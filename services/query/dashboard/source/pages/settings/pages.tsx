/** A list of the API that is read a page at a time, with a button for the next. */

import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import type { Schemas } from "../../api/answers";
import { usePages } from "../../api/use_pages";
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
  /** Another number reads anew what is shown. */
  version?: number;
  empty: ComponentChildren;
  children: (items: Items[P][]) => ComponentChildren;
}

export function Pages<P extends Listed>({ path, what, version = 0, empty, children }: Props<P>) {
  const found = usePages<Listed>(path, { limit: SHOWN }, { pageItems: SHOWN });
  useEffect(() => {
    if (version > 0) found.again();
  }, [version]);
  const items = found.pages.flatMap((page) => page.items as Items[P][]);
  return (
    <>
      {found.problem && <ProblemNote problem={found.problem} again={found.again} />}
      {found.pages.length === 0 && !found.problem && (
        <div class="outline settings-outline" role="status">
          Reading {what} …
        </div>
      )}
      {found.pages.length > 0 && (items.length === 0 ? empty : children(items))}
      {found.hasMore && (
        <button type="button" class="button is-small" disabled={found.isReading} onClick={found.more}>
          Show more
        </button>
      )}
    </>
  );
}
