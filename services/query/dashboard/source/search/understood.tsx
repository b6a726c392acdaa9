/** How the server read the query. It says where each part stands, so that one can be taken out of what is typed. */

import { withParameters } from "../address/address";
import { quoted } from "./query_keys";
import { type Found, type Search, sentQuery } from "./use_search";

export type Interpreted = Found["interpreted"];
type Term = Interpreted["alternatives"][number][number];
interface Place {
  start: number;
  end: number;
}

/** The query with something else at this place. The server counts characters; JavaScript would count some twice. */
export function spliced(q: string, { start, end }: Place, other: string): string {
  const characters = [...q];
  const rest = characters.slice(end).join("");
  return `${characters.slice(0, start).join("")}${other}${other ? rest : rest.trimStart()}`.trim();
}

/** The query without its filters of these names; without all of them if none is named. */
export function withoutFilters(search: Search, { typed }: Interpreted, ...names: string[]): string {
  const parts = typed.filter((filter) => names.length === 0 || names.includes(filter.name));
  return parts.reduceRight((text, part) => spliced(text, part, ""), sentQuery(search));
}

export function Understood({ interpreted, search }: { interpreted: Interpreted; search: Search }) {
  const { alternatives, typed } = interpreted;
  const isPlain = alternatives.length < 2 && !alternatives.flat().some((term) => term.is_excluded);
  if (isPlain && typed.length === 0) return null;
  return (
    <div class="understood" role="group" aria-label="How the search was understood">
      {!isPlain && <span>{alternatives.map((terms) => terms.map(termText).join(" and ")).join(", or ")}</span>}
      {typed.map((filter) => (
        <a key={filter.start} class="chip" aria-current="true" href={withParameters({ q: spliced(sentQuery(search), filter, "") })} title="Search without this filter">
          {filter.is_excluded && "not "}
          {filter.name}: {filter.value} <span aria-hidden="true">×</span>
        </a>
      ))}
    </div>
  );
}

function termText({ text, kind, is_excluded }: Term): string {
  return `${is_excluded ? "not " : ""}${kind === "phrase" ? `“${text}”` : text}`;
}

/** The words as alternatives: what finds each text that has one of them. */
export function oneOf(words: Iterable<string>): string {
  return [...new Set(words)].slice(0, MOST_ALTERNATIVES).map(quoted).join(" or ");
}

/** A query has at most 32 terms, and `or` is one. */
const MOST_ALTERNATIVES = 16;
