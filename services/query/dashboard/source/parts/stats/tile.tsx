/** One number with its definition, and what it was in the period before. */

import { type MeasureName, measure } from "../../format/measures";
import { count, percent } from "../../format/quantities";
import { Hint } from "../notes/hint";

interface Props {
  of: MeasureName;
  value: number | null | undefined;
  /** Of the period before; undefined where there is none. */
  before?: number | null | undefined;
  /** What the period before is, in words. */
  beforeLabel?: string | undefined;
  /** Leads to the rows that the number counts. */
  href?: string | undefined;
  note?: string | undefined;
  /** What is said where there is no value, such as a cost without a call. */
  without?: string | undefined;
}

export function Tile({ of, value, before, beforeLabel, href, note, without }: Props) {
  const { label, definition, short, exact } = measure(of);
  const number = <span class={value == null ? "tile-value is-unknown" : "tile-value"}>{value == null && without ? without : short(value)}</span>;
  return (
    <div class="tile" data-measure={of}>
      <Hint text={`${definition}${value == null ? "" : `\nExactly: ${exact(value)}.`}`}>{label}</Hint>
      {href ? <a href={href} class="tile-link">{number}</a> : number}
      <span class="tile-below">{note ?? <Change of={of} value={value} before={before} label={beforeLabel} />}</span>
    </div>
  );
}

/** By how much it moved, with its direction; nothing where one of both is not known. */
export function Change({ of, value, before, label }: { of: MeasureName; value: number | null | undefined; before: number | null | undefined; label: string | undefined }) {
  const { short, exact, better } = measure(of);
  if (value == null || before == null || label === undefined) return <>&nbsp;</>;
  if (before === value) return <span class="tile-change">as before</span>;
  // A rate differs by points: from 0.8 % to 1.5 % is no doubling that should alarm anyone.
  const isRate = short === percent;
  if (before === 0 && !isRate) return <span class="tile-change" title={`${label}: ${exact(before)}`}>new</span>;
  const change = isRate ? (value - before) * 100 : (value - before) / Math.abs(before);
  const direction = Math.abs(change) < (isRate ? 0.05 : 0.005) ? "same" : change > 0 ? "up" : "down";
  const tone = !better || direction === "same" ? "" : (direction === "up") === (better === "more") ? " is-good" : " is-bad";
  const size = isRate ? `${Math.abs(change).toFixed(1)} points` : change >= 99 ? "over ×100" : change >= 9 ? `×${count(value / before)}` : `${Math.abs(Math.round(change * 100))} %`;
  return (
    <span class={`tile-change${tone}`} title={`${label}: ${exact(before)}`}>
      {direction === "same" ? "as before" : `${direction === "up" ? "▲" : "▼"} ${size}`}
    </span>
  );
}
