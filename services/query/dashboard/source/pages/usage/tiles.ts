/** The parts of a cost that are drawn, and the others together. */

import type { Schemas } from "../../api/answers";
import { count } from "../../format/quantities";
import type { Tile } from "../../parts/charts/treemap";

interface Counted {
  /** The other numbers of work. */
  of?: Schemas["WorkMeasures"] | undefined;
}
export type Part = Pick<Tile, "key" | "label" | "href"> & Counted & { value: number | null; color?: string };
export type Counts = Omit<Tile, "text"> & Counted;

export const MOST = 14;
// The name of a smaller one has no room.
const LEAST_SHARE = 0.008;

interface Others {
  /** How many there are, with those that `parts` do not have. */
  all?: number | undefined;
  /** Of those that `parts` do not have; all of these are drawn then. */
  of?: Schemas["WorkMeasures"] | undefined;
  href?: string | undefined;
}

/** Those that have room, the largest first, and all others as one: together they are the whole. */
export function tilesOf(parts: readonly Part[], whole: number, { all = parts.filter(({ value }) => value).length, of, href }: Others = {}): Counts[] {
  const tiles = parts
    .flatMap(({ value, ...part }) => (value && (of || value >= LEAST_SHARE * whole) ? [{ ...part, value }] : []))
    .sort((a, b) => b.value - a.value)
    .slice(0, MOST)
    .map((part, index) => ({ color: `--series-${(index % 5) + 1}`, ...part }));
  const rest = whole - tiles.reduce((sum, { value }) => sum + value, 0);
  const left = all - tiles.length;
  // Sums of decimals differ in the last digit.
  return rest < 1e-6 ? tiles : [...tiles, { key: "others", label: left > 0 ? `${count(left)} ${left === 1 ? "other" : "others"}` : "others", value: rest, color: "--series-6", href, of }];
}
