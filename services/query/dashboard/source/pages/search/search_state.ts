/** The search that the address asks for, and addresses of changed ones. */

import { address, go, withParameters } from "../../address/address";
import { daysOfAddress, filterQuery } from "../../address/filters";
import { KINDS } from "../../search/query_keys";
import type { Mode, Search } from "../../search/use_search";

const PAGE_ROWS = 30;

export function searchOfAddress(): Search {
  const get = (name: string) => address.value.parameters.get(name);
  const mode = get("mode");
  return {
    q: get("q") ?? "",
    mode: mode === "literal" || mode === "regex" ? mode : ("words" satisfies Mode),
    kind: KINDS.find((kind) => kind.value === get("kind"))?.value ?? null,
    sort: get("sort") === "newest" ? "newest" : "best",
    bySession: get("group") !== "none",
    isCaseSensitive: get("case") === "true",
    withContext: get("context") === "true",
    filters: { ...filterQuery(["project", "user", "machine"]), ...daysOfAddress() },
    limit: PAGE_ROWS,
  };
}

/** Typing changes the entry of the history that is there; a choice makes a new one. */
export function changeSearch(changes: Record<string, string | null>, options: { replace?: boolean } = {}): void {
  go(withParameters(changes, "/search"), options);
}
