/** The hits of a search, as one list or by session. */

import type { Pages } from "../../api/use_pages";
import { plural } from "../../format/quantities";
import { EmptyNote } from "../../parts/empty_note";
import { Hit } from "../../search/hit";
import { MoreRows } from "../../parts/more_rows";
import { SearchNotes, whyNothing } from "../../search/search_notes";
import type { Found, Search, SessionMatches } from "../../search/use_search";
import { changeSearch } from "./search_state";

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
  // Of the newest page: whether it is complete. Of the first: the total.
  const facts = { ...first, is_complete: last.is_complete, incomplete_because: last.incomplete_because, next_cursor: last.next_cursor };
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
        <EmptyNote title={`Nothing was found for ${search.q.trim()}`}>
          <ul class="reasons">
            {whyNothing(first).map((reason) => (
              <li key={reason}>{reason}</li>
            ))}
          </ul>
        </EmptyNote>
      )}
      {isBySession ? (
        sessions.map((session, index) => <Session key={`${session.session_id} ${index}`} session={session} search={search} />)
      ) : (
        <ul class="hits" aria-label="What was found">
          {items.map((hit, index) => (
            <li key={`${hit.id} ${index}`}>
              <Hit hit={hit} />
            </li>
          ))}
        </ul>
      )}
      <MoreRows of={found} what={isBySession ? "sessions" : "matches"} />
    </div>
  );
}

function Session({ session, search }: { session: SessionMatches; search: Search }) {
  const title = session.session_title ?? (session.session_id === null ? "Without a session" : "A session without a title");
  const address = session.session_id === null ? null : `/sessions/${encodeURIComponent(session.session_id)}`;
  const more = session.hits - session.items.length;
  return (
    <section class="panel session-hits" aria-label={title}>
      <header class="session-hits-head">
        <h2>{address ? <a href={address}>{title}</a> : title}</h2>
        <span class="panel-about">
          {[session.project_name, session.user, plural(session.hits, "match", "matches")].filter(Boolean).join(" · ")}
        </span>
      </header>
      <ul class="hits">
        {session.items.map((hit) => (
          <li key={hit.id}>
            <Hit hit={hit} isInSession />
          </li>
        ))}
      </ul>
      {more > 0 && session.session_id !== null && search.mode === "words" && (
        <button
          type="button"
          class="button is-quiet is-small"
          onClick={() => changeSearch({ q: `${search.q.trim()} session:${session.session_id}`, group: null })}
        >
          {plural(more, "more match", "more matches")} in this session
        </button>
      )}
    </section>
  );
}
