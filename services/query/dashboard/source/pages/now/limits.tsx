/** How full the account's limits are, when they reset, and how full they are by then if work goes on. */

import type { Schemas } from "../../api/answers";
import { useRead } from "../../api/use_read";
import { LIMITS, atReset, limitQuery, resetText } from "../../format/limits";
import { clockText, exactTime } from "../../format/times";
import { Hint } from "../../parts/notes/hint";
import { NoLimit } from "../../parts/notes/no_limit";

type Window = Schemas["QuotaWindow"];

const EVERY_MS = 60_000;

export function Limits() {
  const { data } = useRead("/api/quota", limitQuery(), { everyMs: EVERY_MS });
  const windows = data?.windows ?? [];
  return (
    <section class="limits" aria-label="Limits">
      {data && windows.every(({ kind }) => !LIMITS[kind]) ? (
        <p class="limit quiet">
          <NoLimit />
        </p>
      ) : (
        Object.keys(LIMITS).map((kind) => <Limit key={kind} name={LIMITS[kind]} window={windows.find((each) => each.kind === kind)} />)
      )}
    </section>
  );
}

/** The fullest of this kind, where there are several accounts. */
function Limit({ name, window }: { name: string | undefined; window: Window | undefined }) {
  const isOver = window?.freshness === "over";
  return (
    <div class="limit">
      <Hint text={`How much of the ${name} limit is used, as Claude Code said. Other devices of the account count too.${window ? `\nRead: ${exactTime(window.read_at)}` : ""}`}>{name} limit</Hint>
      <b>{!window || isOver ? "–" : `${window.freshness === "old" ? "≥ " : ""}${Math.floor(window.used_percentage)} %`}</b>
      <meter max={100} high={80} value={window && !isOver ? window.used_percentage : 0} aria-hidden="true" />
      <a href="/usage">{window ? says(window) : "\u00a0"}</a>
    </div>
  );
}

function says({ freshness, resets_at, read_at, forecast }: Window): string {
  if (freshness === "over") return "has reset, not read since";
  const reset = `resets ${resetText(resets_at)}`;
  if (!forecast) return freshness === "old" ? `${reset}, read ${clockText(read_at)}` : reset;
  return forecast.full_at ? `full about ${resetText(forecast.full_at)}, ${reset}` : `${reset}, by then ${atReset(forecast.at_reset)}`;
}
