/** A square for each day of the last year, darker where more happened, as everybody can read it. */

import { useEffect, useRef } from "preact/hooks";
import { addDays, dayText, weekdayOf } from "../../format/days";

interface Props {
  label: string;
  /** By day, `YYYY-MM-DD`. A day without an entry has nothing. */
  values: ReadonlyMap<string, number>;
  /** The last day that is shown. */
  last: string;
  format: (value: number) => string;
  hrefOf: (day: string) => string;
  /** Whether the day is in the range that the page shows; others are paler. */
  isInRange?: (day: string) => boolean;
}

const WEEKS = 53;
const STEP = 15;
const SIZE = 12;
const LEFT = 30;
const TOP = 18;

export function YearMap({ label, values, last, format, hrefOf, isInRange = () => true }: Props) {
  const firstMonday = addDays(last, -weekdayOf(last) - 7 * (WEEKS - 1));
  const days = Array.from({ length: 7 * (WEEKS - 1) + weekdayOf(last) + 1 }, (_, index) => addDays(firstMonday, index));
  const steps = thresholds(days.map((day) => values.get(day) ?? 0));
  const months = days.filter((day, index) => index % 7 === 0 && Number(day.slice(8)) <= 7);
  const box = useRef<HTMLDivElement>(null);
  const newest = days.findLastIndex((day) => values.has(day));
  // On a narrow screen the map scrolls; it begins with the newest days that have something.
  useEffect(() => {
    const element = box.current;
    if (element && newest >= 0) element.scrollLeft = (element.scrollWidth * (LEFT + (Math.floor(newest / 7) + 2) * STEP)) / (LEFT + WEEKS * STEP) - element.clientWidth;
  }, [newest]);
  return (
    <div ref={box} class="year-map table-scroll" tabIndex={0} role="region" aria-label={label}>
      <svg viewBox={`0 0 ${LEFT + WEEKS * STEP} ${TOP + 7 * STEP}`} role="group" aria-label={label}>
        {months.map((day) => (
          <text key={day} x={LEFT + Math.floor(days.indexOf(day) / 7) * STEP} y={11}>
            {new Date(`${day}T00:00:00Z`).toLocaleDateString("en-GB", { month: "short", timeZone: "UTC" })}
          </text>
        ))}
        {["Mon", "Wed", "Fri"].map((name, index) => (
          <text key={name} x={0} y={TOP + index * 2 * STEP + 10}>
            {name}
          </text>
        ))}
        {days.map((day, index) => {
          const value = values.get(day) ?? 0;
          const title = `${dayText(day)}: ${value === 0 ? "nothing" : format(value)}`;
          const square = (
            <rect x={LEFT + Math.floor(index / 7) * STEP} y={TOP + (index % 7) * STEP} width={SIZE} height={SIZE} rx={3} class={`heat-${levelOf(value, steps)}${isInRange(day) ? "" : " is-outside"}`}>
              <title>{title}</title>
            </rect>
          );
          // Only days with something are links, so that the keyboard does not walk over hundreds of empty ones.
          return value === 0 ? (
            <g key={day}>{square}</g>
          ) : (
            <a key={day} href={hrefOf(day)} aria-label={title}>
              {square}
            </a>
          );
        })}
      </svg>
    </div>
  );
}

/** The values from which a square is darker: quartiles of the days with anything, so that one busy day does not pale the others. */
export function thresholds(values: readonly number[]): number[] {
  const some = values.filter((value) => value > 0).sort((a, b) => a - b);
  return [0.25, 0.5, 0.75].map((share) => some[Math.floor(share * some.length)] ?? Infinity);
}

export function levelOf(value: number, steps: readonly number[]): number {
  return value <= 0 ? 0 : 1 + steps.filter((step) => value >= step).length;
}
