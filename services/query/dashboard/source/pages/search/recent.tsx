/** Nothing is typed yet: what was searched before, and how to begin. */

import { forgetSearches, recentSearches } from "../../search/recent_searches";

interface Props {
  onTake: (q: string) => void;
  onHelp: () => void;
  isHelpOpen: boolean;
}

const BEGINNINGS = ["is:error after:7d", "role:user kind:message", "kind:command", "is:starred"] as const;

export function RecentSearches({ onTake, onHelp, isHelpOpen }: Props) {
  const recent = recentSearches.value;
  return (
    <section class="panel" aria-label="Recent searches">
      <header class="panel-head">
        <h2>{recent.length > 0 ? "Recent searches" : "Type to search"}</h2>
        <span class="panel-about">{recent.length > 0 ? "kept in this browser only" : "results come as you type"}</span>
        {recent.length > 0 && (
          <span class="panel-actions">
            <button type="button" class="button is-small" onClick={forgetSearches}>
              Clear
            </button>
          </span>
        )}
      </header>
      <ul class="recent">
        {recent.map((q) => (
          <li key={q}>
            <button type="button" data-item onClick={() => onTake(q)}>
              {q}
            </button>
          </li>
        ))}
      </ul>
      <p class="quiet recent-beginnings">
        Or begin with{" "}
        {BEGINNINGS.map((q) => (
          <button type="button" key={q} class="completion" onClick={() => onTake(q)}>
            <code>{q}</code>
          </button>
        ))}
        {!isHelpOpen && (
          <button type="button" class="button is-quiet is-small" onClick={onHelp}>
            everything you can type
          </button>
        )}
      </p>
    </section>
  );
}
