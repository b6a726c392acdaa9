/** What the last word of a query may become, as buttons behind the field: Tab goes to them, and nothing is taken from the arrows. */

import { completionsOf, unfinished } from "./query_text";
import { useQueryValues } from "./query_values";

export function Completions({ q, onTake }: { q: string; onTake: (q: string) => void }) {
  const last = unfinished(q);
  const valuesOf = useQueryValues(last?.value != null ? last.key : null);
  const completions = completionsOf(q, valuesOf);
  if (completions.length === 0) return null;
  return (
    <div class="completions" role="group" aria-label="Complete the filter">
      {completions.map((completion) => (
        <button type="button" key={completion.label} class="completion" title={completion.about} onClick={() => onTake(completion.q)}>
          <code>{completion.label}</code>
          {completion.about && completions.length < 4 && <span class="quiet">{completion.about}</span>}
        </button>
      ))}
    </div>
  );
}
