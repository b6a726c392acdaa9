/** Kinds as chips; and what else a search may choose: how the words are taken, the order of the hits, days. */

import { withParameters } from "../../address/address";
import { hasDays } from "../../address/filters";
import { range } from "../../address/range";
import type { Pages } from "../../api/use_pages";
import { ChosenDays } from "../../parts/filters/chosen_days";
import { DayFields } from "../../parts/filters/day_fields";
import { Switch } from "../../parts/switch";
import { KINDS } from "../../search/query_keys";
import { withoutFilters } from "../../search/understood";
import type { Found, Mode, Search } from "../../search/use_search";
import { changeSearch } from "./search_state";

const MODES = [
  { value: "words", label: "Words" },
  { value: "literal", label: "Exact text" },
  { value: "regex", label: "Regex" },
] as const;
const SORTS = [
  { value: "best", label: "Best" },
  { value: "newest", label: "Newest" },
] as const;

const ALL_DAYS = { start: null, end: null };

export function SearchKinds({ search, found }: { search: Search; found: Pages<Found> }) {
  const interpreted = found.pages[0]?.interpreted;
  const kind = String(interpreted?.filters["kind"] ?? search.kind ?? "").toLowerCase();
  // What a chip says replaces what is typed.
  const kindAddress = (value: string | null) => withParameters({ kind: value, q: interpreted && found.isCurrent ? withoutFilters(search, interpreted, "kind") : search.q });
  return (
    <nav class="chips" aria-label="Kinds">
      <a class="chip" href={kindAddress(null)} aria-current={kind ? undefined : "true"}>
        Everything
      </a>
      {KINDS.map(({ value, label }) => (
        <a key={value} class="chip" href={kindAddress(value === kind ? null : value)} aria-current={value === kind ? "true" : undefined}>
          {label}
        </a>
      ))}
    </nav>
  );
}

/** How many choices are not as usual. */
export function choicesSet(search: Search): number {
  return [search.mode !== "words", search.sort !== "best", !search.bySession, search.withContext, hasDays()].filter(Boolean).length;
}

export function SearchChoices({ search }: { search: Search }) {
  return (
    <div class="search-switches">
      <Switch<Mode> label="How the words are taken" options={MODES} value={search.mode} onChange={(mode) => changeSearch({ mode: mode === "words" ? null : mode, case: null })} />
      {search.mode !== "words" && <Toggle label="Aa" title="Upper and lower case are different" isOn={search.isCaseSensitive} changes={{ case: search.isCaseSensitive ? null : "true" }} />}
      <Switch label="Order" options={SORTS} value={search.sort} onChange={(sort) => changeSearch({ sort: sort === "best" ? null : sort })} />
      <Toggle label="By session" title="Sessions with their best matches" isOn={search.bySession} changes={{ group: search.bySession ? "none" : null }} />
      <Toggle label="Context" title="What was said before and after each match" isOn={search.withContext} changes={{ context: search.withContext ? null : "true" }} />
      <DayFields days={hasDays() ? range.value : ALL_DAYS} />
      <ChosenDays />
    </div>
  );
}

function Toggle({ label, title, isOn, changes }: { label: string; title: string; isOn: boolean; changes: Record<string, string | null> }) {
  return (
    <button type="button" class="button is-small" title={title} aria-pressed={isOn} onClick={() => changeSearch(changes)}>
      {label}
    </button>
  );
}
