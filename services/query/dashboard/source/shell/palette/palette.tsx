/** The search over any page: hits as one types; pages, days, projects, files and commits by name; the last sessions. Arrows choose, Enter opens, Escape closes. */

import { useEffect, useId, useRef, useState } from "preact/hooks";
import "../../search/search.css";
import "./palette.css";
import { go } from "../../address/address";
import { zone } from "../../address/range";
import { seesNames, seesTexts } from "../../api/identity";
import { usePages } from "../../api/use_pages";
import { useRead } from "../../api/use_read";
import { ProblemNote } from "../../parts/notes/problem_note";
import { Completions } from "../../search/completions";
import { forgetSearches, recentSearches, rememberSearch } from "../../search/recent_searches";
import { SearchNotes } from "../../search/search_notes";
import { type Search, meantBeside, useSearch } from "../../search/use_search";
import { Dialog } from "../dialog";
import { isSearchOpen } from "../keyboard";
import { useViews } from "../saved_views";
import { PaletteRow } from "./palette_row";
import { type Row, groupsOf, searchAddress } from "./palette_rows";

const MOST_HITS = 12;
const MOST_FILES = 5;
const MOST_SESSIONS = 6;
const MOST_COMMITS = 3;
/** A hash, or words of a subject. */
const COMMIT = /^[0-9a-f]{7,40}$|\S\s+\S/;
/** As a part of a path may be typed. */
const PATH_PART = /^[^\s:"]{3,400}$/;
const ANY: Omit<Search, "q"> = {
  mode: "words", kind: null, sort: "best", bySession: false, isCaseSensitive: false, withContext: false, filters: {}, limit: MOST_HITS,
};

export default function Palette() {
  const [typed, setTyped] = useState("");
  const [at, setAt] = useState(0);
  const box = useRef<HTMLInputElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const id = useId();
  const search = { ...ANY, q: typed };
  const found = useSearch(search);
  const projects = useRead(seesNames.value ? "/api/projects" : null, { limit: 1000 });
  const views = useViews();
  const sessions = useRead(seesTexts.value ? "/api/sessions" : null, { limit: MOST_SESSIONS });
  const isPath = seesTexts.value && PATH_PART.test(typed.trim());
  const files = usePages(isPath ? "/api/files" : null, { contains: typed.trim(), sort: "last_change", limit: MOST_FILES }, { delayMs: 120 });
  const isCommit = seesTexts.value && COMMIT.test(typed.trim());
  const commits = usePages(isCommit ? "/api/search" : null, { q: `tool:Bash "git commit" ${typed.trim()}`, correct: false, tz: zone.value, limit: MOST_COMMITS }, { delayMs: 120 });
  const isCurrent = found.isCurrent && (!isCommit || commits.isCurrent);
  const first = found.pages[0];
  const groups = groupsOf(
    typed,
    { projects: projects.data ?? [], views: views.data?.items ?? [], files: (isPath && files.pages[0]?.items) || [], commits: (isCommit && commits.pages[0]?.items) || [], sessions: sessions.data?.items ?? [], recent: recentSearches.value },
    first?.items ?? [],
    meantBeside(found.pages),
  );
  const rows = groups.flatMap((group) => group.rows);
  const active = Math.min(at, rows.length - 1);

  useEffect(() => list.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" }), [active, rows.length]);

  const type = (q: string) => {
    setTyped(q);
    setAt(0);
    box.current?.focus();
  };
  const close = () => {
    rememberSearch(typed);
    isSearchOpen.value = false;
  };
  const open = (row: Row | undefined) => {
    if (row?.kind === "recent") return type(row.label);
    // Hits of what was typed before are not what Enter means.
    const isOld = row === undefined || (row.kind === "hit" && !isCurrent);
    if (isOld && !typed.trim()) return;
    close();
    go(isOld ? searchAddress(typed) : row.href);
  };
  const press = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[event.key];
    if (step !== undefined && rows.length > 0) {
      event.preventDefault();
      const next = Math.abs(step) === 1 ? (active + step + rows.length) % rows.length : Math.max(0, Math.min(rows.length - 1, active + step));
      setAt(next);
    } else if (event.key === "Enter" && event.target === box.current) {
      event.preventDefault();
      if (event.metaKey || event.ctrlKey) open({ kind: "all", key: "all", label: "", href: searchAddress(typed) });
      else open(rows[active]);
    }
  };

  let index = -1;
  return (
    <Dialog label="Search" onClose={close} class="palette">
      <div class="palette-box" onKeyDown={press}>
        <div class="palette-head">
          <input
            ref={box}
            class="palette-input"
            autofocus
            type="text"
            role="combobox"
            aria-label="Search in everything, or go to a page or project"
            aria-expanded={rows.length > 0}
            aria-controls={`${id}-rows`}
            aria-activedescendant={rows[active] ? `${id}-${active}` : undefined}
            aria-autocomplete="list"
            placeholder={seesTexts.value ? "Search in everything, or go to …" : "Go to …"}
            value={typed}
            maxLength={1000}
            autocomplete="off"
            autocapitalize="off"
            spellcheck={false}
            onInput={(event) => type(event.currentTarget.value)}
          />
          <button type="button" class="button is-quiet palette-close" onClick={close}>
            Close
          </button>
        </div>
        {seesTexts.value && <Completions q={typed} onTake={type} />}
        <div ref={list} class="palette-list">
          {found.problem && <ProblemNote problem={found.problem} again={found.more} />}
          <div id={`${id}-rows`} role="listbox" aria-label="What was found" class={isCurrent || !typed ? "" : "is-stale"} aria-busy={found.isReading}>
            {groups.map((group) => (
              <div role="group" key={group.title} aria-label={group.title || "More"} class="palette-group">
                {group.title && (
                  <div class="palette-title" role="presentation">
                    {group.title}
                  </div>
                )}
                {group.rows.map((row) => {
                  index += 1;
                  const own = index;
                  return <PaletteRow key={row.key} row={row} id={`${id}-${own}`} isActive={own === active} onPoint={() => setAt(own)} onOpen={() => open(row)} />;
                })}
              </div>
            ))}
          </div>
          {typed.trim() !== "" && !first && found.isReading && (
            <p class="search-count" role="status">
              Searching …
            </p>
          )}
        </div>
        {typed.trim() !== "" && first && found.isCurrent && <SearchNotes found={first} search={search} shown={first.items?.length ?? 0} onCorrect={type} />}
        <footer class="palette-foot">
          <span>
            <kbd>↑</kbd> <kbd>↓</kbd> choose
          </span>
          <span>
            <kbd>Enter</kbd> open
          </span>
          <span>
            <kbd>Esc</kbd> close
          </span>
          {!typed && recentSearches.value.length > 0 && (
            <button type="button" class="button is-quiet is-small" onClick={forgetSearches}>
              Clear recent searches
            </button>
          )}
          {seesTexts.value && (
            <a class="palette-more" href={typed.trim() ? searchAddress(typed) : "/search"} onClick={close}>
              Filters and help
            </a>
          )}
        </footer>
      </div>
    </Dialog>
  );
}
