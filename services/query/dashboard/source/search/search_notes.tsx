/** What the API says about a search, in words: how much it found, an end before its time, what is not indexed yet. */

import { count, plural } from "../format/quantities";
import { spliced } from "./understood";
import { type Found, type Search, sentQuery } from "./use_search";

interface Props {
  found: Found;
  search: Search;
  shown: number;
  /** The page says it otherwise; it is still read aloud. */
  isCountHidden?: boolean;
  /** Takes a query in which a word is spelt otherwise. */
  onCorrect: (q: string) => void;
  goOn?: () => void;
}

export function SearchNotes({ found, search, shown, isCountHidden = false, onCorrect, goOn }: Props) {
  const { ranked } = found;
  return (
    <div class="search-notes">
      <p class={isCountHidden ? "search-count only-read" : "search-count"} role="status">
        {countText(found, shown)}
      </p>
      {Object.entries(ranked?.corrected ?? {}).map(([word, near]) => {
        const term = found.interpreted.alternatives.flat().find((each) => each.text.toLowerCase() === word.toLowerCase());
        return (
          <p class="search-note" key={word}>
            No session has <i>{word}</i>; searched{" "}
            <button type="button" class="button is-small" disabled={!term} onClick={() => term && onCorrect(spliced(sentQuery(search), term, near))}>
              {near}
            </button>{" "}
            instead.
          </p>
        );
      })}
      {!found.is_complete && (
        <p class="search-note is-warning">
          <b>The search stopped early.</b> {found.incomplete_because ?? "It took too long."} Below is what it found so far.{" "}
          {goOn && found.next_cursor !== null && (
            <button type="button" class="button is-small" onClick={goOn}>
              Go on
            </button>
          )}
        </p>
      )}
      {found.pending_documents > 0 && (
        <p class="search-note">
          {found.pending_documents >= 10_000 ? "10,000 or more texts" : plural(found.pending_documents, "text")} {found.pending_documents === 1 ? "is" : "are"} too new to be found. Search again in a moment.
        </p>
      )}
      {ranked && (!ranked.is_ready || ranked.waiting_sessions > 0) && (
        <p class="search-note">
          {ranked.is_ready ? "The newest sessions are not ranked yet" : "Sessions are being prepared for the search"}: {plural(ranked.waiting_sessions, "session is", "sessions are")} left.
        </p>
      )}
    </div>
  );
}

/** A session shows its best among so many of the newest matches. */
const GROUPED_MATCHES = 2_000;

function countText(found: Found, shown: number): string {
  if (found.total === 0 && shown === 0) return !found.is_complete ? "Nothing found so far." : found.ranked?.sessions.length ? "No exact match." : "Nothing found.";
  const matches = `${plural(found.total, "match", "matches")}${found.total_is_exact ? "" : " or more"}`;
  if (!found.sessions) return matches;
  return `${matches}; ${plural(shown, "session")} shown${found.total > GROUPED_MATCHES || !found.total_is_exact ? `, from the newest ${count(GROUPED_MATCHES)} matches` : ""}`;
}
