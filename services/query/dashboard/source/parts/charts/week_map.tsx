/** Weekday by hour: when in the week something happened. */

import { levelOf, thresholds } from "./year_map";

export interface WeekCell {
  /** 0 is Monday. */
  weekday: number;
  hour: number;
  value: number;
}

export const WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"] as const;
const HOURS = Array.from({ length: 24 }, (_, hour) => hour);

export function WeekMap({ label, cells, textOf }: { label: string; cells: readonly WeekCell[]; textOf: (value: number) => string }) {
  const steps = thresholds(cells.map((cell) => cell.value));
  const byPlace = new Map(cells.map((cell) => [`${cell.weekday} ${cell.hour}`, cell.value]));
  return (
    <div class="table-scroll" tabIndex={0} role="region" aria-label={label}>
      <table class="week-map">
        <caption class="only-read">{label}</caption>
        <thead>
          <tr>
            <td />
            {HOURS.map((hour) => (
              <th key={hour} scope="col">
                {hour % 3 === 0 ? hour : <span class="only-read">{hour}</span>}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {WEEKDAYS.map((day, weekday) => (
            <tr key={day}>
              <th scope="row" title={day}>
                {day.slice(0, 3)}
              </th>
              {HOURS.map((hour) => {
                const value = byPlace.get(`${weekday} ${hour}`) ?? 0;
                const text = textOf(value);
                return (
                  <td key={hour} class={`heat-${levelOf(value, steps)}`} title={`${day}, ${hour} to ${hour + 1} h: ${text}`}>
                    <span class="only-read">{text}</span>
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
