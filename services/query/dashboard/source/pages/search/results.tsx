/** What a search found, as one list or by session; below it, always, the sessions that may be meant. */

import { useEffect } from "preact/hooks";
import type { Pages } from "../../api/use_pages";
import { projectName } from "../../format/names";
import { plural } from "../../format/quantities";
import { EmptyNote } from "../../parts/notes/empty_note";
import { Hit, foundSession } from "../../search/hit";
import type { Cell } from "../../parts/tables/csv";
import { SaveCsv } from "../../parts/tables/csv_link";
import { MoreRows } from "../../parts/tables/more_rows";
import { Time } from "../../parts/time";
import { markedWords, snippetParts } from "../../search/snippet";
import { SearchNotes } from "../../search/search_notes";
import { Understood, oneOf, withoutFilters } from "../../search/understood";
import { type Found, type Match, type RankedMatch, type Search, type SessionMatches, meantBeside } from "../../search/use_search";
import { changeSearch } from "./search_state";
import { WaysOn } from "./ways_on";

const BUILDING_MS = 3_000;

/** The search is the one list that the API gives no CSV of: these are the hits that the page has. */
function cellsOf(hits: readonly Match[]): Cell[][] {
  const cells = hits.map((hit) => [hit.timestamp, hit.kind, hit.project_name, hit.user, hit.session_id, hit.session_title, hit.path, snippetParts(hit.snippet).map((part) => part.text).join("")]);
  return [["time", "kind", "project", "person", "session", "title", "path", "text"], ...cells];
}

export function Results({ found, search }: { found: Pages<Found>; search: Search }) {
  const first = found.pages[0];
  const last = found.pages.at(-1);
  const isBuilding = found.isCurrent && found.pages.length === 1 && first?.ranked?.is_ready === false;
  useEffect(() => {
    if (!isBuilding) return;
    const timer = window.setTimeout(found.again, BUILDING_MS);
    return () => window.clearTimeout(timer);
  }, [first, isBuilding]);
  if (!first || !last) {
    return found.problem ? null : (
      <div class="outline hits-outline" role="status">
        Searching …
      </div>
    );
  }
  const items = found.pages.flatMap((page) => page.items ?? []);
  const sessions = found.pages.flatMap((page) => page.sessions ?? []);
  const isBySession = first.sessions != null;
  const shown = isBySession ? sessions.length : items.length;
  const isNothing = shown === 0 && found.isCurrent && !found.hasMore;
  const meant = meantBeside(found.pages);
  const isEmpty = isNothing && meant.length === 0;
  // Places in a query are those of the answer to it.
  const within = search.mode === "words" && found.isCurrent ? withoutFilters(search, first.interpreted, "session") : null;
  return (
    <div class={found.isCurrent ? "loaded" : "loaded is-stale"} aria-busy={!found.isCurrent}>
      <Understood interpreted={first.interpreted} search={search} />
      <SearchNotes found={{ ...last, total: first.total, total_is_exact: first.total_is_exact, ranked: first.ranked }} search={search} shown={shown} isCountHidden={isEmpty} onCorrect={(q) => changeSearch({ q })} goOn={found.more} />
      {isEmpty && <EmptyNote title={`Nothing was found ${isBuilding || !last.is_complete ? "yet " : ""}for ${search.q.trim()}`} />}
      {isNothing && <WaysOn search={search} found={first} isEmpty={isEmpty} />}
      {isBySession ? (
        sessions.map((session, index) => <Session key={`${session.session_id} ${index}`} session={session} within={within} />)
      ) : (
        <ul class="hits" aria-label="What was found">
          {items.map((hit, index) => (
            <li key={`${hit.id} ${index}`}>
              <Hit hit={hit} within={within} />
            </li>
          ))}
        </ul>
      )}
      {shown > 0 && (
        <div class="table-foot">
          <SaveCsv name="search" cells={() => cellsOf(isBySession ? sessions.flatMap((session) => session.items) : items)} />
        </div>
      )}
      <MoreRows of={found} what={isBySession ? "sessions" : "matches"} isByHand={meant.length > 0 && last.is_complete} />
      <Meant sessions={meant} above={(first.ranked?.sessions.length ?? 0) - meant.length} />
    </div>
  );
}

function Meant({ sessions, above }: { sessions: readonly RankedMatch[]; above: number }) {
  if (sessions.length === 0) return null;
  return (
    <section class="meant" aria-labelledby="meant">
      <header class="panel-head">
        <h2 id="meant">Sessions that may be meant</h2>
        <span class="panel-about">
          with any of the words, the best first{above > 0 && `; ${above} more of them ${above === 1 ? "is" : "are"} above`}
        </span>
      </header>
      {sessions.map((session) => (
        <Session key={session.session_id} session={session} within={oneOf(session.items.flatMap(markedWords)) || null} />
      ))}
    </section>
  );
}

/** A session with its best matches. `within` finds their like in it. */
function Session({ session, within }: { session: SessionMatches | RankedMatch; within: string | null }) {
  const id = session.session_id;
  const title = session.session_title ?? (id === null ? "Without a session" : "A session without a title");
  const isExact = "hits" in session;
  const more = isExact ? session.hits - session.items.reduce((sum, hit) => sum + 1 + (hit.similar ?? 0), 0) : 0;
  const Title = isExact ? "h2" : "h3";
  return (
    <section class="panel session-hits" aria-label={title}>
      <header class="session-hits-head">
        <Title>{id === null ? title : <a href={foundSession(id, within)}>{title}</a>}</Title>
        <span class="panel-about">
          {session.project_id !== null && `${projectName(session.project_id, session.project_name)} · `}
          {session.user && `${session.user} · `}
          {isExact ? plural(session.hits, "match", "matches") : <Time at={session.timestamp} />}
        </span>
      </header>
      <ul class="hits">
        {session.items.map((hit) => (
          <li key={hit.id}>
            <Hit hit={hit} isInSession within={within} />
          </li>
        ))}
      </ul>
      {more > 0 && id !== null && within !== null && (
        <button type="button" class="button is-quiet is-small" onClick={() => changeSearch({ q: `${within} session:${id}`, group: "none" })}>
          {plural(more, "more match", "more matches")} in this session
        </button>
      )}
    </section>
  );
}
