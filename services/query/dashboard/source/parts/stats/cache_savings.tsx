/** What the prompt cache saved, in a sentence: in dollars, and as a share of what the input would have cost without it. */

import type { Schemas } from "../../api/answers";
import { measure } from "../../format/measures";
import { percent, plural } from "../../format/quantities";

type Savings = Pick<Schemas["UsageMeasures"], "cache_saved_usd" | "uncached_input_usd" | "cache_unknown_calls">;

export function CacheSavings({ totals, class: extra = "" }: { totals: Savings; class?: string }) {
  const { definition } = measure("cache_saved_usd");
  return (
    <p class={extra} title={definition} data-measure="cache_saved_usd">
      <Sentence totals={totals} />
      {totals.cache_unknown_calls > 0 && <span class="quiet"> {plural(totals.cache_unknown_calls, "call")} left out: not known.</span>}
    </p>
  );
}

function Sentence({ totals: { cache_saved_usd: saved, uncached_input_usd: uncached, cache_unknown_calls: unknown } }: { totals: Savings }) {
  const { short } = measure("cache_saved_usd");
  if (saved === null) return <>What the cache saved is {unknown > 0 ? "not known." : "not priced."}</>;
  if (saved < 0) {
    return (
      <>
        The cache cost about <b>{short(-saved)}</b> more than it saved: it was written more than read.
      </>
    );
  }
  return (
    <>
      The cache saved about <b>{short(saved)}</b>
      {uncached ? `, ${percent(saved / uncached)} of what the input would have cost.` : "."}
    </>
  );
}
