/** A search of the API as the dashboard asks it. */

import type { Answer, Parameters } from "../api/answers";
import { zone } from "../address/range";
import { seesTexts } from "../api/identity";
import { type Pages, usePages } from "../api/use_pages";
import type { Kind } from "./query_text";
import { typedFilters } from "./query_text";

export type Mode = "words" | "literal" | "regex";

export interface Search {
  q: string;
  mode: Mode;
  kind: Kind | null;
  sort: "best" | "newest";
  bySession: boolean;
  /** Upper and lower case are different. Not with words. */
  isCaseSensitive: boolean;
  withContext: boolean;
  corrects: boolean;
  /** Filters of the address: project_id, user, machine, start_date, end_date. */
  filters: Record<string, string>;
  limit: number;
}

export type Found = Answer<"/api/search">;
export type Match = NonNullable<Found["items"]>[number];
export type SessionMatches = NonNullable<Found["sessions"]>[number];

const TYPING_MS = 120;

/** Nothing is asked while nothing is typed. */
export function useSearch(search: Search | null): Pages<Found> {
  const isAsked = search !== null && search.q.trim() !== "" && seesTexts.value;
  return usePages(isAsked ? "/api/search" : null, isAsked ? parametersOf(search) : {}, { delayMs: TYPING_MS });
}

/** A filter that is typed goes before the same one of the address: the API takes each once. */
export function parametersOf(search: Search): Parameters {
  const isWords = search.mode === "words";
  const typed = isWords ? typedFilters(search.q) : new Map<string, string>();
  const { user, machine, start_date, end_date, ...others } = search.filters;
  return {
    q: isWords ? search.q.trim() : search.q,
    mode: isWords ? null : search.mode,
    case: !isWords && search.isCaseSensitive ? true : null,
    sort: search.sort === "best" ? null : search.sort,
    group_by: search.bySession ? "session" : null,
    kind: typed.has("kind") ? null : search.kind,
    context: search.withContext ? true : null,
    correct: search.corrects ? null : false,
    ...others,
    user: typed.has("user") ? null : user,
    machine: typed.has("machine") ? null : machine,
    start_date: typed.has("after") ? null : start_date,
    end_date: typed.has("before") ? null : end_date,
    tz: zone.value,
    limit: search.limit,
  };
}
