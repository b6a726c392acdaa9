/** Where did we say that: a search in everything, as one types. */

import { useEffect, useRef, useState } from "preact/hooks";
import "../../search/search.css";
import "./search_page.css";
import { isEmpty } from "../../address/range";
import { seesTexts } from "../../api/identity";
import { EmptyNote } from "../../parts/notes/empty_note";
import { NothingYet } from "../../parts/notes/nothing_yet";
import { FilterBar } from "../../parts/filters/filter_bar";
import { ProblemNote } from "../../parts/notes/problem_note";
import { Completions } from "../../search/completions";
import { QueryHelp } from "../../search/query_help";
import { rememberSearch } from "../../search/recent_searches";
import { useSearch } from "../../search/use_search";
import { type PageKey, pageKeys } from "../../shell/keyboard";
import { RecentSearches } from "./recent";
import { Results } from "./results";
import { SearchChoices, SearchKinds, choicesSet } from "./search_choices";
import { changeSearch, searchOfAddress } from "./search_state";

const HITS = ".search-page [data-item]";

export default function SearchPage() {
  const search = searchOfAddress();
  const found = useSearch(search);
  const box = useRef<HTMLInputElement>(null);
  const [isHelpOpen, setHelpOpen] = useState(false);
  // With a search in the address one comes to read what was found, by the keys of lists.
  useEffect(() => {
    if (search.q === "") box.current?.focus({ preventScroll: true });
    const keys: PageKey[] = [
      { key: "/", what: "To the search field", run: () => box.current?.select() },
      { key: "↓ or Enter", what: "From the field to what was found" },
      { key: "Esc", what: "Out of the field; the search stays" },
    ];
    pageKeys.value = keys;
    return () => {
      if (pageKeys.peek() === keys) pageKeys.value = [];
    };
  }, []);

  if (!seesTexts.value)
    return (
      <>
        <h1>Search</h1>
        <EmptyNote title="Your key sees numbers only.">A search needs a key with the scope “read”.</EmptyNote>
      </>
    );

  const type = (q: string) => changeSearch({ q }, { replace: true });
  const take = (q: string) => {
    type(q);
    box.current?.focus();
  };
  const hasQuery = search.q.trim() !== "";
  return (
    <div class="search-page" onKeyDown={(event) => moveWithArrows(event, box.current)}>
      <header class="page-head">
        <h1>Search</h1>
        <span class="quiet">messages, commands, results, files, titles and notes of all time</span>
      </header>
      <form
        class="search-form"
        role="search"
        onSubmit={(event) => {
          event.preventDefault();
          rememberSearch(search.q);
          const first = found.isCurrent ? document.querySelector<HTMLElement>(HITS) : null;
          if (first) first.focus();
          else box.current?.blur();
        }}
      >
        <input
          ref={box}
          class="search-input"
          type="search"
          aria-label="Search in everything"
          placeholder={search.mode === "regex" ? "A regular expression, such as E\\d{4}" : "Words, “a phrase”, project:shop, is:error …"}
          value={search.q}
          maxLength={1000}
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          onInput={(event) => type(event.currentTarget.value)}
          onBlur={() => rememberSearch(search.q)}
        />
        <button type="button" class="button" aria-expanded={isHelpOpen} onClick={() => setHelpOpen(!isHelpOpen)}>
          <span class="help-long">What can I type?</span>
          <span class="help-short" aria-hidden="true">?</span>
        </button>
      </form>
      {search.mode === "words" && <Completions q={search.q} onTake={take} />}
      {isHelpOpen && <QueryHelp onTake={(example) => take(`${search.q.trim()} ${example}`.trim())} />}
      <FilterBar filters={["project", "user", "machine"]} hasRange={false} set={choicesSet(search)}>
        <SearchChoices search={search} />
      </FilterBar>
      <SearchKinds search={search} found={found} />
      {found.problem && <ProblemNote problem={found.problem} again={found.more} />}
      {hasQuery ? <Results found={found} search={search} /> : isEmpty.value ? <NothingYet what="nothing to search" /> : <RecentSearches onTake={take} onHelp={() => setHelpOpen(true)} isHelpOpen={isHelpOpen} />}
    </div>
  );
}

/** Arrows go from the field into the hits, between them, and back. Escape leaves the field: a browser would empty it. */
function moveWithArrows(event: KeyboardEvent, box: HTMLInputElement | null): void {
  if (event.key === "Escape" && event.target === box && !event.isComposing) {
    event.preventDefault();
    box?.blur();
    return;
  }
  if ((event.key !== "ArrowDown" && event.key !== "ArrowUp") || event.metaKey || event.ctrlKey || event.altKey) return;
  const items = [...document.querySelectorAll<HTMLElement>(HITS)];
  const at = items.indexOf(document.activeElement as HTMLElement);
  if (at < 0 && event.target !== box) return;
  const next = event.key === "ArrowDown" ? items[at + 1] : at <= 0 ? box : items[at - 1];
  if (!next) return;
  event.preventDefault();
  next.focus();
  next.scrollIntoView({ block: "nearest" });
}
