/** The days that a page about all of the history is narrowed to, with a way out. */

import { withParameters } from "../../address/address";
import { hasDays } from "../../address/filters";
import { range } from "../../address/range";

export function ChosenDays() {
  if (!hasDays()) return null;
  return (
    <a class="chip" aria-current="true" href={withParameters({ range: null, from: null, to: null })} title="Show all days">
      {range.value.label} <span aria-hidden="true">×</span>
      <span class="only-read">: show all days</span>
    </a>
  );
}
