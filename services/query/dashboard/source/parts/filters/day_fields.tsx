/** A first and a last day, typed or picked by hand. */

import { useEffect, useState } from "preact/hooks";
import { go, withParameters } from "../../address/address";
import { wrongDays, zone } from "../../address/range";
import { today } from "../../format/days";

interface Days {
  start: string | null;
  end: string | null;
}

/** A field of a day says 0002 when the first figure of a year is typed: nobody means a day of then. */
const LEAST_DAY = "1970";

export function DayFields({ days: { start, end } }: { days: Days }) {
  // What is typed stands in the fields, and becomes the range once it is one.
  const [typed, setTyped] = useState<Days | null>(null);
  useEffect(() => setTyped(null), [start, end]);
  const shown = typed ?? { start, end };
  const isTyping = (days: Days) => [days.start, days.end].some((day) => day !== null && day < LEAST_DAY);
  const wrong = typed && !isTyping(typed) ? wrongDays(typed.start, typed.end) : null;

  function choose(days: Days): void {
    setTyped(days);
    if (!isTyping(days) && wrongDays(days.start, days.end) === null) go(withParameters({ range: null, from: days.start, to: days.end }));
  }

  return (
    <>
      <span class="range-days">
        <input
          type="date"
          aria-label="First day"
          aria-invalid={wrong !== null}
          value={shown.start ?? ""}
          max={shown.end ?? today(zone)}
          onChange={(event) => choose({ ...shown, start: event.currentTarget.value || null })}
        />
        <span aria-hidden="true">to</span>
        <input
          type="date"
          aria-label="Last day"
          aria-invalid={wrong !== null}
          value={shown.end ?? ""}
          min={shown.start ?? undefined}
          onChange={(event) => choose({ ...shown, end: event.currentTarget.value || null })}
        />
      </span>
      {wrong && (
        <p class="is-bad" role="alert">
          {wrong}
        </p>
      )}
    </>
  );
}
