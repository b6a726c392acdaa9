/** The answers of the public API, by path, as shared/openapi.json describes them (`npm run types`). */

import type { components, paths } from "./schema";

/** Sums of usage have their activity but where models are told apart. Code that shows activity asks for it without models. */
type Activity = "sessions" | "active_sessions" | "active_minutes" | "messages" | "tool_calls" | "tool_errors" | "lines_added" | "lines_removed";
type WithActivity<T> = T extends (infer Item)[]
  ? WithActivity<Item>[]
  : T extends object
    ? { [Name in keyof T]: WithActivity<T[Name]> } & (T extends { cache_unknown_calls: number } ? Required<Pick<T, Activity & keyof T>> : unknown)
    : T;

export type Schemas = { [Name in keyof components["schemas"]]: WithActivity<components["schemas"][Name]> };

/** The paths that GET answers with JSON. */
export type ReadPath = {
  [P in keyof paths]: paths[P] extends { get: { responses: { 200: { content: { "application/json": unknown } } } } } ? P : never;
}[keyof paths];

export type Answer<P extends ReadPath> = paths[P] extends {
  get: { responses: { 200: { content: { "application/json": infer A } } } };
}
  ? WithActivity<A>
  : never;

/** A query parameter without a value is left out. */
export type Parameters = Record<string, string | number | boolean | null | undefined>;
