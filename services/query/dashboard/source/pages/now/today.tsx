/** Today's numbers, and what an hour costs at the pace of the last one. */

import { pageAddress } from "../../address/filters";
import { zone } from "../../address/range";
import { useRead } from "../../api/use_read";
import { today } from "../../format/days";
import { cost, plural } from "../../format/quantities";
import { clockText } from "../../format/times";
import { Hint } from "../../parts/notes/hint";
import { ProblemNote } from "../../parts/notes/problem_note";
import { Tile } from "../../parts/stats/tile";
import { allTokens } from "../../parts/stats/token_split";

const EVERY_MS = 15_000;
const QUARTER_MS = 15 * 60_000;

/** `isProblemTold`: the page says it already. */
export function Today({ isProblemTold }: { isProblemTold: boolean }) {
  const day = today(zone.value);
  const { data, problem, again } = useRead("/api/stats", { start_date: day, end_date: day, tz: zone.value }, { everyMs: EVERY_MS });
  const totals = data?.totals;
  const tokens = totals && allTokens(totals);
  const note = totals ? "today" : problem ? "not known" : "reading …";
  return (
    <>
      {problem && !data && !isProblemTold && <ProblemNote problem={problem} again={again} />}
      <section class="tiles now-today" aria-label={`Today, ${zone.value}`}>
        <Tile of="active_minutes" value={totals?.active_minutes} note={note} href={`/days/${day}`} />
        <Tile of="tool_calls" value={totals?.tool_calls} note={note} href={pageAddress("/tools", { range: "today" })} />
        <Tile of="total_tokens" value={tokens} note={note} href={pageAddress("/usage", { range: "today" })} />
        <Tile of="cost_usd" value={totals?.cost_usd} note={totals?.unpriced_calls ? `today, ${plural(totals.unpriced_calls, "call")} without a price` : note} without={totals?.api_calls === 0 ? "no calls" : undefined} href={pageAddress("/usage", { range: "today" })} />
        <Burn />
      </section>
    </>
  );
}

/** Ranges of the API begin at a quarter of an hour, so the last hour is up to 15 minutes more. */
function Burn() {
  const start = Math.floor((Date.now() - 4 * QUARTER_MS) / QUARTER_MS) * QUARTER_MS;
  const from = new Date(start).toISOString().slice(0, 19) + "Z";
  const { data } = useRead("/api/stats", { start_date: from, tz: zone.value }, { everyMs: EVERY_MS });
  const totals = data?.totals;
  const perHour = totals?.cost_usd == null ? null : totals.cost_usd / ((Date.now() - start) / (4 * QUARTER_MS));
  const isQuiet = totals !== undefined && totals.api_calls === 0;
  return (
    <div class="tile" data-measure="burn">
      <Hint text={`What an hour costs, at the pace since ${clockText(from)}. At the API's list prices.`}>Burn rate</Hint>
      <span class={perHour === null ? "tile-value is-unknown" : "tile-value"}>
        {isQuiet ? "no calls" : totals ? cost(perHour) : "–"}
        {perHour !== null && <span class="tile-unit"> / h</span>}
      </span>
      <span class="tile-below">since {clockText(from)}</span>
    </div>
  );
}
