/** The sums of each group, and the API's totals under them. A click on a name filters by it; on the chosen one, no longer. */

import { toggled } from "../../address/filters";
import type { Schemas } from "../../api/answers";
import { type MeasureName, measure } from "../../format/measures";
import { moneyOf, percent } from "../../format/quantities";
import { type SortableColumn, SortableTable } from "../../parts/tables/sorting";
import { cacheHitRate } from "../../parts/stats/token_split";
import { type Item, PAIRS, WHAT } from "./dimensions";

type Totals = Schemas["UsageMeasures"];
type Summed = "cost_usd" | "total_tokens" | "input_tokens" | "output_tokens" | "cache_creation_tokens" | "cache_read_tokens" | "cache_saved_usd" | "api_calls" | "unpriced_calls" | "active_sessions" | "active_minutes";

const MINOR: readonly MeasureName[] = ["input_tokens", "cache_creation_tokens", "cache_read_tokens", "cache_saved_usd", "api_calls", "active_sessions"];

export function UsageTable({ items, totals, by, csv }: { items: readonly Item[]; totals: Totals; by: keyof typeof WHAT; csv: string | null }) {
  const { label, filter, idOf, filteredBy = idOf, nameOf } = WHAT[by];
  const written = (name: Summed, of: Item | Totals) => {
    const value = moneyOf(of[name], of);
    return <span title={value === undefined ? "no calls" : measure(name).exact(value)}>{measure(name).cell(value)}</span>;
  };
  const sum = (name: Summed): SortableColumn<Item> => ({
    name,
    title: <span title={measure(name).definition}>{measure(name).label}</span>,
    cell: (item) => written(name, item),
    sortBy: (item) => item[name],
    total: written(name, totals),
    isNumber: true,
    isMinor: MINOR.includes(name),
  });
  const activity = by === "model" || by === PAIRS ? [] : [sum("active_sessions"), sum("active_minutes")];
  const columns: SortableColumn<Item>[] = [
    {
      name: "name",
      title: label,
      isText: true,
      sortBy: nameOf,
      cell: (item) => {
        const href = toggled(filter, filteredBy(item));
        return href ? (
          <a href={href} data-item title={item.model ?? undefined}>
            {nameOf(item)}
          </a>
        ) : (
          nameOf(item)
        );
      },
      total: "All",
    },
    sum("cost_usd"),
    { name: "share", title: "Share", cell: (item) => (item.cost_usd === null || !totals.cost_usd ? "–" : percent(item.cost_usd / totals.cost_usd)), isNumber: true, isMinor: true, total: "" },
    ...activity,
    sum("total_tokens"),
    sum("input_tokens"),
    sum("output_tokens"),
    sum("cache_creation_tokens"),
    sum("cache_read_tokens"),
    { name: "hits", title: <span title={measure("cache_hit_rate").definition}>Cache hits</span>, cell: (item) => percent(cacheHitRate(item)), sortBy: cacheHitRate, isNumber: true, isMinor: true, total: percent(cacheHitRate(totals)) },
    sum("cache_saved_usd"),
    sum("api_calls"),
    ...(totals.unpriced_calls > 0 ? [sum("unpriced_calls")] : []),
  ];
  if (items.length === 0) return <p class="quiet">Nothing in this range.</p>;
  return <SortableTable caption={`Usage by ${label.toLowerCase()}`} columns={columns} rows={items} keyOf={(item) => idOf(item) ?? "unknown"} usual="cost_usd" parameter={by === PAIRS ? "pairs" : "sort"} most={15} csv={csv} />;
}
