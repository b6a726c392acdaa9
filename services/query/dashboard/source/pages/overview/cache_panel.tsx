/** What the prompt cache did: how much of the input came from it, what it saved, and what the tokens were. */

import { pageAddress } from "../../address/filters";
import type { Schemas } from "../../api/answers";
import type { Reading } from "../../api/use_read";
import { measure } from "../../format/measures";
import { CacheSavings } from "../../parts/stats/cache_savings";
import { Loaded, Panel } from "../../parts/panel";
import { TokenSplit, allTokens, cacheHitRate } from "../../parts/stats/token_split";

const HEIGHT = 200;

export function CachePanel({ stats, class: extra = "" }: { stats: Reading<Schemas["Stats"]>; class?: string }) {
  const hits = measure("cache_hit_rate");
  return (
    <Panel title="Tokens and cache" class={extra} actions={<a href={pageAddress("/usage")}>Usage</a>}>
      <Loaded reading={stats} what="the tokens" height={HEIGHT}>
        {({ totals }) => (
          <>
            {allTokens(totals) > 0 && (
              <p class="cache-fact" title={hits.definition}>
                <b>{hits.exact(cacheHitRate(totals))}</b> of the input came from the cache, of {measure("total_tokens").short(allTokens(totals))} tokens in all.
              </p>
            )}
            {totals.api_calls > 0 && <CacheSavings totals={totals} class="cache-fact" />}
            <TokenSplit tokens={totals} />
          </>
        )}
      </Loaded>
    </Panel>
  );
}
