/** An instant: short in the text, exact in the tooltip. */

import { ago, exactTime, timeText } from "../format/times";

export function Time({ at, relative = false }: { at: string | null | undefined; relative?: boolean }) {
  return (
    <time dateTime={at ?? undefined} title={exactTime(at)}>
      {relative ? ago(at) : timeText(at)}
    </time>
  );
}
