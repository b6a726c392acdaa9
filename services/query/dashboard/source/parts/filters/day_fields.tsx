/** A first and a last day, typed or picked by hand. */

import { useEffect, useState } from "preact/hooks";
import { go, withParameters } from "../../address/address";
import { wrongDays, zone } from "../../address/range";
import { today } from "../../format/days";

export interface Days {
  start: string | null;
  end: string | null;
}

/** A field of a day says 0002 when the first figure of a year is typed: nobody means a day of then. */
const LEAST_DAY = "1970";

interface Props {
  days: Days;
  /** What the days are of, where a page has two ranges: "before". */
  of?: string;
  /** Without it, the range of the page becomes these days. */
  onChoose?: (days: Days) => void;
}

const chooseRange = (days: Days) => go(withParameters({ range: null, from: days.start, to: days.end }));

export function DayFields({ days: { start, end }, of, onChoose = chooseRange }: Props) {
  // What is typed stands in the fields, and becomes the range once it is one.
  const [typed, setTyped] = useState<Days | null>(null);
  useEffect(() => setTyped(null), [start, end]);
  const shown = typed ?? { start, end };
  const isTyping = (days: Days) => [days.start, days.end].some((day) => day !== null && day < LEAST_DAY);
  const wrong = typed && !isTyping(typed) ? wrongDays(typed.start, typed.end) : null;
  const named = (which: string) => (of ? `${which} day ${of}` : `${which} day`);

  function choose(days: Days): void {
    setTyped(days);
    if (!isTyping(days) && wrongDays(days.start, days.end) === null) onChoose(days);
  }

  return (
    <>
      <span class="range-days">
        <input
          type="date"
          aria-label={named("First")}
          aria-invalid={wrong !== null}
          value={shown.start ?? ""}
          max={shown.end ?? today(zone.value)}
          onChange={(event) => choose({ ...shown, start: event.currentTarget.value || null })}
        />
        <span aria-hidden="true">to</span>
        <input
          type="date"
          aria-label={named("Last")}
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
