/** From a range of one day to that day: what was done on it. */

import { pageAddress } from "../../address/filters";
import { range } from "../../address/range";

export function OneDay() {
  const { start, end } = range.value;
  if (start === null || start !== end) return null;
  return (
    <a class="button is-small" href={pageAddress(`/days/${start}`, { range: null, from: null, to: null })}>
      What was done on this day
    </a>
  );
}
