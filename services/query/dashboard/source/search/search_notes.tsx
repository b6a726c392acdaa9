/** What the API says about a search, in words: corrections, an end before its time, rows that are not indexed yet. */

import type { ComponentChildren } from "preact";
import { count, plural } from "../format/quantities";
import type { Found } from "./use_search";

interface Props {
  found: Found;
  shown: number;
  bySession: boolean;
  /** The page says it otherwise; it is still read aloud. */
  isCountHidden?: boolean;
  /** Searches again for what was typed. */
  asTyped?: () => void;
  goOn?: () => void;
}

export function SearchNotes({ found, shown, bySession, isCountHidden = false, asTyped, goOn }: Props) {
  const corrected = Object.entries(found.corrected ?? {});
  const forms = Object.entries(found.forms ?? {});
  return (
    <div class="search-notes">
      <p class={isCountHidden ? "search-count only-read" : "search-count"} role="status">
        {countText(found, shown, bySession)}
      </p>
      {corrected.length + forms.length > 0 && (
        <p class="search-note">
          {corrected.length > 0 && (
            <>
              Nobody wrote {listed(corrected.map(([typed]) => <i key={typed}>{typed}</i>))}. This shows {listed(corrected.map(([typed, near]) => <b key={typed}>{near}</b>))}.{" "}
            </>
          )}
          {forms.length > 0 && <>Also found: {listed(forms.flatMap(([, words]) => words.map((word) => <b key={word}>{word}</b>)))}. </>}
          {asTyped && (
            <button type="button" class="button is-quiet is-small" onClick={asTyped}>
              Search as typed
            </button>
          )}
        </p>
      )}
      {!found.is_complete && (
        <p class="search-note is-warning">
          <b>The search stopped early.</b> {found.incomplete_because ?? "The time of a search was over."} What was found so far is shown.{" "}
          {goOn && found.next_cursor !== null && (
            <button type="button" class="button is-small" onClick={goOn}>
              Go on
            </button>
          )}
        </p>
      )}
      {found.pending_documents > 0 && (
        <p class="search-note">
          {found.pending_documents >= 10_000 ? "10,000 or more rows" : plural(found.pending_documents, "row")} of all projects {found.pending_documents === 1 ? "is" : "are"} not in the index yet. They can be found in a moment.
        </p>
      )}
    </div>
  );
}

/** A session shows its best among so many of the newest matches. */
const GROUPED_MATCHES = 2_000;

function countText(found: Found, shown: number, bySession: boolean): string {
  if (found.total === 0 && shown === 0) return isInSeveralTexts(found) ? "No text has all words." : found.is_complete ? "Nothing found." : "Nothing found so far.";
  const matches = `${plural(found.total, "match", "matches")}${found.total_is_exact ? "" : " or more"}`;
  if (!bySession) return matches;
  const across = found.across?.sessions ? `${plural(found.across.sessions, "session")}${found.across.is_exact ? "" : " or more"}` : null;
  if (found.total === 0 && across) return `No text has all words; ${across} ${found.across?.sessions === 1 ? "has" : "have"} them in different texts`;
  const reach = found.total > GROUPED_MATCHES || !found.total_is_exact ? `, from the newest ${count(GROUPED_MATCHES)} matches` : "";
  return `${matches}; ${plural(shown, "session")} shown${reach}${across ? `; ${across} with the words in different texts` : ""}`;
}

function listed(items: ComponentChildren[]): ComponentChildren[] {
  return items.flatMap((item, index) => (index === 0 ? [item] : [", ", item]));
}

/** Whether a search by session finds what this one does not: all of the words, in different texts of a session. */
export function isInSeveralTexts({ nearest }: Found): boolean {
  return nearest.some(({ without }) => without.length === 0);
}

/** Nothing was found: what may be the reason, from what the tracker understood. */
export function whyNothing(found: Found, bySession: boolean): string[] {
  const reasons: string[] = [];
  const filters = Object.entries(found.interpreted.filters);
  const terms = found.interpreted.alternatives.flat().filter((term) => !term["is_excluded"]);
  const project = found.interpreted.filters["project"];
  if (project) reasons.push(`Is there a project ${String(project)}? project: takes a name, the end of a path, or an id.`);
  if (filters.length > 0) reasons.push(`The search was limited to ${filters.map(([name, value]) => `${name}: ${String(value)}`).join(", ")}. Without a filter it may find more.`);
  if (terms.length > 1) reasons.push(`${terms.length === 2 ? "Both" : `All ${terms.length}`} words must be in one ${bySession ? "session" : "text"}. Write “or” between words to find one of them.`);
  if (found.interpreted.mode === "words" && terms.length > 0) reasons.push("To find a part of a word, choose “Exact text”.");
  return reasons;
}
