/** The answers of the public API, by path, as shared/openapi.json describes them (`npm run types`). */

import type { components, paths } from "./schema";

export type Schemas = components["schemas"];

/** The paths that GET answers with JSON. */
export type ReadPath = {
  [P in keyof paths]: paths[P] extends { get: { responses: { 200: { content: { "application/json": unknown } } } } } ? P : never;
}[keyof paths];

export type Answer<P extends ReadPath> = paths[P] extends {
  get: { responses: { 200: { content: { "application/json": infer A } } } };
}
  ? A
  : never;

/** A query parameter without a value is left out. */
export type Parameters = Record<string, string | number | boolean | null | undefined>;
