/** Every number of the dashboard has one name, one definition and one way to be written. Tooltips and tables take them from here. */

import { axisDuration, axisMinutes, compact, cost, count, duration, minutes, percent } from "./quantities";

export interface Measure {
  label: string;
  definition: string;
  /** As it stands on a tile or an axis. */
  short: (value: number | null | undefined) => string;
  /** Exact, for tooltips and tables. */
  exact: (value: number | null | undefined) => string;
  /** Whether more of it is good or bad; left out where it is neither. */
  better?: "more" | "less";
  /** As it stands on an axis, and the distances between its lines, where these are not decimal. */
  axis?: { format: (value: number | null | undefined) => string; steps: readonly number[] };
}

const numbers = { short: compact, exact: count };
const times = { short: minutes, exact: minutes, axis: { format: axisMinutes, steps: [1, 5, 10, 15, 30, 60, 120, 300, 600, 1_200, 3_000, 6_000, 12_000, 30_000, 60_000, 120_000, 300_000] } };
const SECOND = 1_000, MINUTE = 60_000, HOUR = 3_600_000;
const durations = {
  short: duration,
  exact: duration,
  axis: {
    format: axisDuration,
    steps: [...[1, 2, 5, 10, 20, 50, 100, 200, 500], ...[1, 2, 5, 10, 15, 30].map((n) => n * SECOND), ...[1, 2, 5, 10, 15, 30].map((n) => n * MINUTE), ...[1, 2, 5, 10, 20, 50, 100].map((n) => n * HOUR)],
  },
};
const shares = { short: percent, exact: percent };

export const MEASURES = {
  active_sessions: {
    label: "Sessions",
    definition: "Sessions in which something happened in this range. One that goes on for days counts on each of them, and once in their sum.",
    ...numbers,
  },
  active_minutes: {
    label: "Active time",
    definition: "Time in which something happened: gaps between events count up to the idle gap (5 minutes unless set otherwise). Two sessions at once count once per person.",
    ...times,
  },
  time_minutes: {
    label: "Wall time",
    definition: "From the first to the last event of each session, breaks included. Sessions at the same time count each.",
    ...times,
  },
  messages: { label: "Messages", definition: "Prompts of people and answers of Claude, subagents included.", ...numbers },
  user_messages: { label: "Prompts", definition: "Messages that a person sent.", ...numbers },
  assistant_messages: { label: "Answers", definition: "Messages that Claude sent.", ...numbers },
  tool_calls: { label: "Tool calls", definition: "Calls of tools by Claude, subagents included, whatever became of them.", ...numbers },
  tool_errors: { label: "Failed calls", definition: "Tool calls that failed or timed out. Those that a person rejected are not among them.", ...numbers, better: "less" },
  error_rate: { label: "Error rate", definition: "Failed calls among all tool calls.", ...shares, better: "less" },
  rejected_calls: { label: "Rejected calls", definition: "Tool calls that a person rejected. They are not among the failed ones.", ...numbers },
  cancelled_calls: { label: "Cancelled calls", definition: "Tool calls that were interrupted, or not run since a call beside them failed.", ...numbers },
  pending_calls: { label: "Pending calls", definition: "Tool calls without a result: they run, or nothing tells how they ended.", ...numbers },
  measured_calls: { label: "Measured calls", definition: "Tool calls whose duration was measured, by Claude Code or by the client that sent them. Of others only the time between two records of a transcript is known, or nothing: pending calls, and calls that went on after they had answered.", ...numbers },
  p50_ms: { label: "p50", definition: "Half of the calls took no longer than this. Within 2 % of exact.", ...durations, better: "less" },
  p95_ms: { label: "p95", definition: "19 of 20 calls took no longer than this. Within 2 % of exact.", ...durations, better: "less" },
  files_modified: { label: "Files changed", definition: "Different files that were created, changed or deleted.", ...numbers },
  lines_added: { label: "Lines added", definition: "Lines that edits added. A line that is changed counts as added and removed.", ...numbers },
  lines_removed: { label: "Lines removed", definition: "Lines that edits removed. A line that is changed counts as added and removed.", ...numbers },
  input_tokens: { label: "Input tokens", definition: "Tokens sent to the model that were neither read from the cache nor written to it.", ...numbers },
  output_tokens: { label: "Output tokens", definition: "Tokens that the model wrote, thinking included.", ...numbers },
  cache_creation_tokens: { label: "Cache writes", definition: "Input tokens that were written to the prompt cache. They cost more than plain input.", ...numbers },
  cache_read_tokens: { label: "Cache reads", definition: "Input tokens that were read from the prompt cache, at about a tenth of the price of plain input.", ...numbers },
  total_tokens: { label: "Tokens", definition: "Input, output, cache writes and cache reads together.", ...numbers },
  cache_hit_rate: { label: "Cache hits", definition: "Cache reads among all input tokens: reads, writes and plain input.", ...shares, better: "more" },
  cache_saved_usd: {
    label: "Saved by cache",
    definition:
      "What the prompt cache saved at list prices: what the same input tokens would have cost without it, all at the price of plain input on that day, minus what they did cost. Below zero where the cache was written and hardly read. Calls without a known price, and sessions of which only a claude.json tells, count for nothing.",
    short: cost,
    exact: cost,
    better: "more",
  },
  api_calls: { label: "API calls", definition: "Answers of the model that have a usage record. Each is counted once, also where transcripts repeat it.", ...numbers },
  unpriced_calls: { label: "Unpriced calls", definition: "API calls whose model has no known price. They are in no cost.", ...numbers, better: "less" },
  cost_usd: {
    label: "Cost",
    definition: "What the tokens cost at the list price of the API in US dollars, at the day of the call. A subscription costs something else. Calls without a known price are left out and counted as unpriced.",
    short: cost,
    exact: cost,
  },
  cost_per_active_hour: {
    label: "Cost per active hour",
    definition: "The cost divided by the active time of the same days, breaks left out. It says how fast money burns while something happens.",
    short: cost,
    exact: cost,
  },
} satisfies Record<string, Measure>;

export type MeasureName = keyof typeof MEASURES;

export function measure(name: MeasureName): Measure {
  return MEASURES[name];
}
