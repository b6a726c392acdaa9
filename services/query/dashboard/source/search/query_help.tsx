/** The query language in one look. A click on an example adds it to the query. */

import { QUERY_KEYS, WORD_EXAMPLES } from "./query_keys";

export function QueryHelp({ onTake }: { onTake: (example: string) => void }) {
  return (
    <div class="query-help">
      <section>
        <h2>Words</h2>
        <dl>
          {WORD_EXAMPLES.map(({ example, about }) => (
            <Line key={example} example={example} about={about} onTake={() => onTake(example)} />
          ))}
        </dl>
      </section>
      <section>
        <h2>Filters</h2>
        <dl>
          {QUERY_KEYS.map(({ key, example, about, canExclude }) => (
            <Line key={key} example={example} about={canExclude ? `${about} (also -${key}:)` : about} label={`Add ${key}:`} onTake={() => onTake(`${key}:`)} />
          ))}
        </dl>
        <p class="quiet">A value with spaces is quoted: <code>project:"my shop"</code>. Several projects, people or tools are alternatives.</p>
      </section>
    </div>
  );
}

function Line({ example, about, label, onTake }: { example: string; about: string; label?: string; onTake: () => void }) {
  return (
    <div>
      <dt>
        <button type="button" class="completion" onClick={onTake} aria-label={label}>
          <code>{example}</code>
        </button>
      </dt>
      <dd>{about}</dd>
    </div>
  );
}
