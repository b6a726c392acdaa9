/** The hits of a search, as one list or by session. */

import { Fragment } from "preact";
import { withParameters } from "../../address/address";
import type { Pages } from "../../api/use_pages";
import { projectName } from "../../format/names";
import { plural } from "../../format/quantities";
import { EmptyNote } from "../../parts/notes/empty_note";
import { Hit, foundSession } from "../../search/hit";
import type { Cell } from "../../parts/tables/csv";
import { SaveCsv } from "../../parts/tables/csv_link";
import { MoreRows } from "../../parts/tables/more_rows";
import { Nearest } from "../../search/nearest";
import { oneOf, withinSession } from "../../search/query_text";
import { snippetParts } from "../../search/snippet";
import { SearchNotes, isInSeveralTexts, whyNothing } from "../../search/search_notes";
import type { Found, Match, Search, SessionMatches } from "../../search/use_search";
import { changeSearch } from "./search_state";

/** The search is the one list that the API gives no CSV of: these are the hits that the page has. */
function cellsOf(hits: readonly Match[]): Cell[][] {
  const cells = hits.map((hit) => [hit.timestamp, hit.kind, hit.project_name, hit.user, hit.session_id, hit.session_title, hit.path, snippetParts(hit.snippet).map((part) => part.text).join("")]);
  return [["time", "kind", "project", "person", "session", "title", "path", "text"], ...cells];
}

export function Results({ found, search }: { found: Pages<Found>; search: Search }) {
  const first = found.pages[0];
  const last = found.pages.at(-1);
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
  const isNothing = shown === 0 && first.is_complete && found.isCurrent;
  // Of the newest page: whether it is complete, and the sessions with the words in different texts, which come last. Of the first: the total.
  const facts = { ...first, is_complete: last.is_complete, incomplete_because: last.incomplete_because, next_cursor: last.next_cursor, across: last.across };
  return (
    <div class={found.isCurrent ? "loaded" : "loaded is-stale"} aria-busy={!found.isCurrent}>
      <SearchNotes
        found={facts}
        shown={shown}
        bySession={isBySession}
        isCountHidden={isNothing}
        asTyped={() => changeSearch({ correct: "false" })}
        goOn={found.more}
      />
      {isNothing && (
        <EmptyNote title={isInSeveralTexts(first) ? `No text has all of ${search.q.trim()}` : `Nothing was found for ${search.q.trim()}`}>
          <Nearest offers={first.nearest} addressOf={(q) => withParameters({ q, group: null })} />
          <ul class="reasons">
            {whyNothing(first, isBySession).map((reason) => (
              <li key={reason}>{reason}</li>
            ))}
          </ul>
        </EmptyNote>
      )}
      {isBySession ? (
        sessions.map((session, index) => (
          <Fragment key={`${session.session_id} ${index}`}>
            {session.match === "session" && sessions[index - 1]?.match === "one_text" && <h2 class="hits-across">Sessions that have the words in different texts</h2>}
            <Session session={session} search={search} oneOfWords={oneOf(first.interpreted.alternatives)} />
          </Fragment>
        ))
      ) : (
        <ul class="hits" aria-label="What was found">
          {items.map((hit, index) => (
            <li key={`${hit.id} ${index}`}>
              <Hit hit={hit} within={search.mode === "words" ? withinSession(search.q) : null} />
            </li>
          ))}
        </ul>
      )}
      {shown > 0 && (
        <div class="table-foot">
          <SaveCsv name="search" cells={() => cellsOf(isBySession ? sessions.flatMap((session) => session.items) : items)} />
        </div>
      )}
      <MoreRows of={found} what={isBySession ? "sessions" : "matches"} />
    </div>
  );
}

function Session({ session, search, oneOfWords }: { session: SessionMatches; search: Search; oneOfWords: string }) {
  const title = session.session_title ?? (session.session_id === null ? "Without a session" : "A session without a title");
  const isAcross = session.match === "session";
  const more = session.hits - session.items.reduce((sum, hit) => sum + 1 + (hit.similar ?? 0), 0);
  // Where the words are in different texts, these have one of them each.
  const within = search.mode !== "words" ? null : isAcross ? oneOfWords : withinSession(search.q);
  const address = session.session_id === null ? null : foundSession(session.session_id, within);
  return (
    <section class="panel session-hits" aria-label={title}>
      <header class="session-hits-head">
        <h2>{address ? <a href={address}>{title}</a> : title}</h2>
        <span class="panel-about">
          {[session.project_id !== null && projectName(session.project_id, session.project_name), session.user, isAcross ? plural(session.hits, "text with one of the words", "texts with one of the words") : plural(session.hits, "match", "matches")].filter(Boolean).join(" · ")}
        </span>
      </header>
      <ul class="hits">
        {session.items.map((hit) => (
          <li key={hit.id}>
            <Hit hit={hit} isInSession within={within} />
          </li>
        ))}
      </ul>
      {more > 0 && session.session_id !== null && within !== null && (
        <button
          type="button"
          class="button is-quiet is-small"
          onClick={() => changeSearch({ q: `${within} session:${session.session_id}`, group: "none" })}
        >
          {isAcross ? plural(more, "more text", "more texts") : plural(more, "more match", "more matches")} in this session
        </button>
      )}
    </section>
  );
}
