/** Blocks of five hours: a report of usage, not of the limit (quota_panel.tsx). */

import { filterQuery } from "../../address/filters";
import { extent, range, zone } from "../../address/range";
import { useRead } from "../../api/use_read";
import { addDays, dayText, today } from "../../format/days";
import { measure } from "../../format/measures";
import { compact, count } from "../../format/quantities";
import { clockText } from "../../format/times";
import { Loaded, Panel } from "../../parts/panel";
import { Table } from "../../parts/tables/table";
import { Time } from "../../parts/time";

const DAYS = 14;
// More than so many days have.
const MOST = "100";
const HEIGHT = 200;

export function BlocksPanel() {
  const last = lastDay();
  const first = [addDays(last, 1 - DAYS), extent.value?.first ?? ""].reduce((one, other) => (one > other ? one : other));
  const blocks = useRead("/api/usage/blocks", {
    ...filterQuery(["project", "user", "machine", "model"]),
    start_date: first,
    end_date: last,
    tz: zone.value,
    limit: MOST,
  });
  return (
    <Panel title="Blocks of 5 hours" about={`${dayText(first)} to ${dayText(last)}. A block begins with the full hour of the first call after the block before: a report of usage, not of the limit.`}>
      <Loaded reading={blocks} what="the blocks" height={HEIGHT}>
        {({ items }) =>
          items.length === 0 ? (
            <p class="quiet">No call of a model in these days.</p>
          ) : (
            <div class="usage-blocks">
              <Table
                caption="Blocks of 5 hours, the newest first"
                rows={items}
                keyOf={(block) => block.start}
                columns={[
                  {
                    title: "Block",
                    cell: ({ start, end, is_active, burn_rate: rate }) => (
                      <>
                        <Time at={start} /> to {clockText(end)}{" "}
                        {is_active && (
                          <span class="badge is-accent" title={rate ? `An hour of active time: ${measure("cost_usd").exact(rate.cost_usd_per_hour)}, ${compact(rate.tokens_per_hour)} tokens` : ""}>
                            running
                          </span>
                        )}
                      </>
                    ),
                  },
                  { title: "Cost", isNumber: true, cell: (block) => measure("cost_usd").exact(block.cost_usd) },
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

/** The newest days of the range that have anything. */
function lastDay(): string {
  const last = extent.value?.last ?? range.value.end ?? today(zone.value);
  return range.value.end && range.value.end < last ? range.value.end : last;
}
