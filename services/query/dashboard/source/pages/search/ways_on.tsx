/** Nothing was found as it was asked: why that may be, and other searches, each with what it finds. */

import { withParameters } from "../../address/address";
import { useRead } from "../../api/use_read";
import { plural } from "../../format/quantities";
import { oneOf, withoutFilters } from "../../search/understood";
import { type Found, type Search, parametersOf } from "../../search/use_search";

interface Way {
  label: string;
  /** What it changes, of the search and of the address. */
  search: Partial<Search>;
  changes?: Record<string, string | null>;
}

const ALL_TIME = { range: null, from: null, to: null };
const TIMES = ["start", "end", "after", "before"];

/** `isEmpty`: there are no sessions either that may be meant. */
function waysOn(search: Search, { interpreted }: Found, isEmpty: boolean): Way[] {
  const { start_date, end_date, ...others } = search.filters;
  const filters = Object.keys(interpreted.filters);
  const words = interpreted.alternatives.length > 1 || interpreted.typed.length > 0 ? [] : interpreted.alternatives.flat().filter((term) => !term.is_excluded);
  const ways: Way[] = [];
  if (filters.some((name) => TIMES.includes(name))) ways.push({ label: "Search all time", search: { q: withoutFilters(search, interpreted, "after", "before"), filters: others }, changes: ALL_TIME });
  if (filters.some((name) => !TIMES.includes(name)))
    ways.push({ label: "Without filters", search: { q: withoutFilters(search, interpreted), kind: null, filters: {} }, changes: { ...ALL_TIME, kind: null, project: null, user: null, machine: null } });
  if (search.mode !== "words") ways.push({ label: "As words", search: { mode: "words" }, changes: { mode: null, case: null } });
  else if (isEmpty && words.length > 1) ways.push({ label: "Any of the words", search: { q: oneOf(words.map((term) => term.text)) } });
  return ways.filter((way) => way.search.q !== "");
}

export function WaysOn({ search, found, isEmpty }: { search: Search; found: Found; isEmpty: boolean }) {
  return (
    <div class={isEmpty ? "ways-on is-alone" : "ways-on"}>
      {found.hints.map((hint) => (
        <p key={hint}>{hint}</p>
      ))}
      {waysOn(search, found, isEmpty).map((way) => (
        <Counted key={way.label} way={way} search={{ ...search, ...way.search }} />
      ))}
      {isEmpty && search.mode === "words" && (
        <a class="button" href={withParameters({ mode: "literal" })} data-item>
          Exact text, also within words
        </a>
      )}
      {isEmpty && (
        <a class="button" href="/sessions" data-item>
          All sessions
        </a>
      )}
    </div>
  );
}

/** Shown if it finds something. */
function Counted({ way, search }: { way: Way; search: Search }) {
  const { data, isCurrent } = useRead("/api/search", { ...parametersOf(search), limit: 1 });
  const sessions = data?.ranked?.sessions.length ?? 0;
  if (!data || !isCurrent || data.total + sessions === 0) return null;
  return (
    <a class="button" href={withParameters({ ...way.changes, q: search.q })} data-item>
      {way.label}: {data.total > 0 ? plural(data.total, "match", "matches") : `${plural(sessions, "session")} that may be meant`}
      {!data.total_is_exact && " or more"}
    </a>
  );
}
