/** Blocks of five hours: a report of usage, not of the limit (quota_panel.tsx). */

import { rangeQuery } from "../../address/filters";
import { useRead } from "../../api/use_read";
import { measure } from "../../format/measures";
import { compact, count, moneyOf } from "../../format/quantities";
import { clockText } from "../../format/times";
import { Loaded, Panel } from "../../parts/panel";
import { Table } from "../../parts/tables/table";
import { Time } from "../../parts/time";

const MOST = 100;
const HEIGHT = 200;

export function BlocksPanel() {
  const blocks = useRead("/api/usage/blocks", { ...rangeQuery(["project", "user", "machine", "model"]), limit: MOST });
  return (
    <Panel title="Blocks of 5 hours" about="each begins with the hour of its first call; what was used, not what is left of a limit">
      <Loaded reading={blocks} what="the blocks" height={HEIGHT}>
        {({ items, next_cursor: more }) =>
          items.length === 0 ? (
            <p class="quiet">No model was called in these days.</p>
          ) : (
            <div class="chart-table">
              <Table
                caption="Blocks of 5 hours, the newest first"
                rows={items}
                keyOf={(block) => block.start}
                csv={blocks.address}
                foot={more && <span class="quiet">The newest {MOST} blocks of the range; the CSV has all.</span>}
                columns={[
                  {
                    title: "Block",
                    cell: ({ start, end, is_active, burn_rate: rate }) => (
                      <>
                        <Time at={start} /> to {clockText(end)}{" "}
                        {is_active && (
                          <span class="badge is-accent" title={rate ? `For each hour of active time: ${measure("cost_usd").exact(rate.cost_usd_per_hour)}, ${compact(rate.tokens_per_hour)} tokens` : ""}>
                            running
                          </span>
                        )}
                      </>
                    ),
                  },
                  { title: "Cost", isNumber: true, cell: (block) => measure("cost_usd").exact(moneyOf(block.cost_usd, block)) },
                  { title: "Tokens", isNumber: true, cell: (block) => count(block.total_tokens) },
                  { title: "API calls", isNumber: true, isMinor: true, cell: (block) => count(block.api_calls) },
                ]}
              />
            </div>
          )
        }
      </Loaded>
    </Panel>
  );
}
