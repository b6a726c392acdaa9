/** The sums of the range. */

import { rangeBefore } from "../../address/range";
import type { Schemas } from "../../api/answers";
import type { MeasureName } from "../../format/measures";
import { plural } from "../../format/quantities";
import { Tile } from "../../parts/stats/tile";
import { cacheHitRate } from "../../parts/stats/token_split";

type Totals = Schemas["UsageMeasures"];

const SHOWN: readonly { of: MeasureName; needsActivity?: boolean; value: (totals: Totals) => number | null }[] = [
  { of: "cost_usd", value: (totals) => totals.cost_usd },
  { of: "cost_per_active_hour", needsActivity: true, value: (totals) => (totals.cost_usd === null || !totals.active_minutes ? null : totals.cost_usd / (totals.active_minutes / 60)) },
  { of: "total_tokens", value: (totals) => totals.total_tokens },
  { of: "output_tokens", value: (totals) => totals.output_tokens },
  { of: "cache_hit_rate", value: cacheHitRate },
  { of: "cache_saved_usd", value: (totals) => totals.cache_saved_usd },
  { of: "api_calls", value: (totals) => totals.api_calls },
  { of: "unpriced_calls", value: (totals) => totals.unpriced_calls },
];

/** Activity has no model, so a range of one model has no cost per active hour. Calls without a price are told where there are any. */
export function UsageTiles({ totals, before, hasModel }: { totals: Totals; before: Totals | undefined; hasModel: boolean }) {
  const shown = SHOWN.filter(({ of, needsActivity }) => !(needsActivity && hasModel) && !(of === "unpriced_calls" && totals.unpriced_calls === 0));
  return (
    <div class="tiles usage-tiles">
      {shown.map(({ of, value }) => (
        <Tile
          key={of}
          of={of}
          value={value(totals)}
          before={before ? value(before) : undefined}
          without={of.startsWith("cost") && totals.api_calls === 0 ? "no calls" : undefined}
          beforeLabel={rangeBefore.value?.label}
          note={of === "cache_saved_usd" && totals.cache_unknown_calls > 0 ? `${plural(totals.cache_unknown_calls, "call")} left out: not known` : undefined}
        />
      ))}
    </div>
  );
}
