/** Names with a bar each, the largest first. A click filters by the name. */

import type { ComponentChildren } from "preact";

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
