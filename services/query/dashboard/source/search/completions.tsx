/** What the last word of a query may become, as buttons behind the field: Tab goes to them, and nothing is taken from the arrows. */

import { QUERY_KEYS, quoted } from "./query_keys";
import { useQueryValues } from "./query_values";

const MOST_COMPLETIONS = 8;
const LEAST_LETTERS = 2;

export function Completions({ q, onTake }: { q: string; onTake: (q: string) => void }) {
  const [last = "", hyphen = "", name = "", value] = /(?<!\S)(-?)([a-z]+)(?::"?([^\s"]*))?$/i.exec(q) ?? [];
  const key = name.toLowerCase();
  const stored = useQueryValues(value === undefined ? null : key);
  const take = (completed: string) => onTake(q.slice(0, q.length - last.length) + completed);
  if (value === undefined) {
    const keys = key.length < LEAST_LETTERS ? [] : QUERY_KEYS.filter((each) => each.key.startsWith(key) && (!hyphen || each.canExclude));
    return <Offers offers={keys.map((each) => ({ text: `${hyphen}${each.key}:`, about: each.about }))} onTake={take} />;
  }
  const known = QUERY_KEYS.find((each) => each.key === key);
  const typed = value.toLowerCase();
  const values = (known?.values ?? stored)
    .filter((each) => each.toLowerCase().includes(typed) && each.toLowerCase() !== typed)
    .sort((a, b) => Number(b.toLowerCase().startsWith(typed)) - Number(a.toLowerCase().startsWith(typed)));
  return <Offers offers={values.slice(0, MOST_COMPLETIONS).map((each) => ({ text: `${hyphen}${key}:${quoted(each)}` }))} onTake={(text) => take(`${text} `)} />;
}

function Offers({ offers, onTake }: { offers: readonly { text: string; about?: string }[]; onTake: (text: string) => void }) {
  if (offers.length === 0) return null;
  return (
    <div class="completions" role="group" aria-label="Complete the filter">
      {offers.map(({ text, about }) => (
        <button type="button" key={text} class="completion" title={about} onClick={() => onTake(text)}>
          <code>{text}</code>
          {about && offers.length < 4 && <span class="quiet">{about}</span>}
        </button>
      ))}
    </div>
  );
}
