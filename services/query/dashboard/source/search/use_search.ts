/** A search of the API as the dashboard asks it. */

import type { Answer, Parameters } from "../api/answers";
import { zone } from "../address/range";
import { seesTexts } from "../api/identity";
import { type Pages, usePages } from "../api/use_pages";
import type { Kind } from "./query_keys";

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
  /** Filters of the address: project_id, user, machine, start_date, end_date. */
  filters: Record<string, string>;
  limit: number;
}

export type Found = Answer<"/api/search">;
export type Match = NonNullable<Found["items"]>[number];
export type SessionMatches = NonNullable<Found["sessions"]>[number];
export type RankedMatch = NonNullable<Found["ranked"]>["sessions"][number];

const TYPING_MS = 120;

/** Nothing is asked while nothing is typed. */
export function useSearch(search: Search): Pages<Found> {
  const isAsked = search.q.trim() !== "" && seesTexts.value;
  return usePages(isAsked ? "/api/search" : null, isAsked ? parametersOf(search) : {}, { delayMs: TYPING_MS });
}

/** The query as the server gets it. Its places are in this. */
export const sentQuery = ({ mode, q }: Search): string => (mode === "words" ? q.trim() : q);

export function parametersOf(search: Search): Parameters {
  const isWords = search.mode === "words";
  return {
    q: sentQuery(search),
    mode: isWords ? null : search.mode,
    case: !isWords && search.isCaseSensitive ? true : null,
    sort: search.sort === "best" ? null : search.sort,
    group_by: search.bySession ? "session" : null,
    kind: search.kind,
    context: search.withContext ? true : null,
    ...search.filters,
    tz: zone.value,
    limit: search.limit,
  };
}

/** The sessions that may be meant, but for those that are among the exact matches shown. */
export function meantBeside(pages: readonly Found[]): RankedMatch[] {
  const shown = new Set(pages.flatMap((page) => [...(page.items ?? []), ...(page.sessions ?? [])].map((each) => each.session_id)));
  return (pages[0]?.ranked?.sessions ?? []).filter((session) => !shown.has(session.session_id));
}
