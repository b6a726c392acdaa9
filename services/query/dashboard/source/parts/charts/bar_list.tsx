/** Names with a bar each, the largest first. A click filters by the name. */

import type { ComponentChildren } from "preact";
import { count } from "../../format/quantities";

export interface Bar {
  key: string | number;
  label: ComponentChildren;
  value: number | null;
  text: string;
  /** More about it, for the tooltip. */
  title?: string;
  href?: string | undefined;
  isChosen?: boolean;
}

export function BarList({ bars, label }: { bars: readonly Bar[]; label: string }) {
  const most = Math.max(...bars.map((bar) => bar.value ?? 0), 0) || 1;
  return (
    <ul class="bars" aria-label={label}>
      {bars.map((bar) => (
        <li key={bar.key} title={bar.title} class={bar.isChosen ? "bar is-chosen" : "bar"}>
          <span class="bar-fill" style={{ width: `${((bar.value ?? 0) / most) * 100}%` }} />
          {bar.href ? (
            <a class="bar-label" href={bar.href}>
              {bar.label}
            </a>
          ) : (
            <span class="bar-label">{bar.label}</span>
          )}
          <span class="bar-value">{bar.text}</span>
        </li>
      ))}
    </ul>
  );
}


interface BarsProps {
  label: string;
  bars: readonly Bar[];
  /** Where all of them are. */
  more?: { href: string; of: string } | undefined;
  /** How many are shown. */
  most?: number;
  /** Whether bars of an unknown value are shown, as of a cost that has no price. */
  isUnknownShown?: boolean;
}

/** The largest few of them that have anything, with a link to all. */
export function Bars({ label, bars, more, most = 8, isUnknownShown = false }: BarsProps) {
  const some = bars.filter((bar) => bar.value || (isUnknownShown && bar.value === null)).sort((a, b) => (b.value ?? 0) - (a.value ?? 0));
  if (some.length === 0) return <p class="quiet">Nothing in this range.</p>;
  return (
    <>
      <BarList label={label} bars={some.slice(0, most)} />
      {some.length > most &&
        (more ? (
          <a class="list-more" href={more.href}>
            All {count(some.length)} {more.of}
          </a>
        ) : (
          <span class="list-more quiet">and {count(some.length - most)} more</span>
        ))}
    </>
  );
}
