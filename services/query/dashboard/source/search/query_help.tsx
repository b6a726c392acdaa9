/** The query language in one look. A click on an example adds it to the query. */

import { QUERY_KEYS, WORD_EXAMPLES } from "./query_text";

export function QueryHelp({ onTake }: { onTake: (example: string) => void }) {
  return (
    <div class="query-help">
      <section>
        <h2>Words</h2>
        <dl>
          {WORD_EXAMPLES.map(({ example, about }) => (
            <div key={example}>
              <dt>
                <button type="button" class="completion" onClick={() => onTake(example)}>
                  <code>{example}</code>
                </button>
              </dt>
              <dd>{about}</dd>
            </div>
          ))}
        </dl>
      </section>
      <section>
        <h2>Filters</h2>
        <dl>
          {QUERY_KEYS.map(({ key, example, about, canExclude }) => (
            <div key={key}>
              <dt>
                <button type="button" class="completion" onClick={() => onTake(`${key}:`)} aria-label={`Add ${key}:`}>
                  <code>{example}</code>
                </button>
              </dt>
              <dd>
                {about}
                {canExclude && <span class="quiet"> (also -{key}:)</span>}
              </dd>
            </div>
          ))}
        </dl>
        <p class="quiet">A value with spaces is quoted: <code>project:"my shop"</code>. Several projects, people or tools are alternatives.</p>
      </section>
    </div>
  );
}
