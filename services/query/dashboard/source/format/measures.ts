/** Every number of the dashboard has one name, one definition (shared/terms.json) and one way to be written. Tooltips and tables take them from here. */

import terms from "./terms";
import { axisDuration, axisMinutes, compact, cost, count, dollars, duration, minutes, percent, thousands } from "./quantities";

interface Form {
  /** As it stands on a tile or an axis. */
  short: (value: number | null | undefined) => string;
  /** Exact, for tooltips and charts. */
  exact: (value: number | null | undefined) => string;
  /** In a column of a table, whose numbers have one form: exact, if nothing else is said. */
  cell?: (value: number | null | undefined) => string;
  /** Whether more of it is good or bad; left out where it is neither. */
  better?: "more" | "less";
  /** As it stands on an axis, and the distances between its lines, where these are not decimal; with `isLog`, the lines. */
  axis?: { format: (value: number | null | undefined) => string; steps: readonly number[]; isLog?: boolean };
}

export interface Measure extends Form {
  cell: Form["exact"];
  label: string;
  definition: string;
}

const numbers = { short: compact, exact: count };
/** Nine digits would not fit beside each other. */
const tokens = { ...numbers, cell: thousands };
const money = { short: cost, exact: dollars };
const times = { short: minutes, exact: minutes, axis: { format: axisMinutes, steps: [1, 5, 10, 15, 30, 60, 120, 300, 600, 1_200, 3_000, 6_000, 12_000, 30_000, 60_000, 120_000, 300_000] } };
const durations = {
  short: duration,
  exact: duration,
  axis: { format: axisDuration, steps: [1, 10, 100, 1_000, 10_000, 60_000, 600_000, 3_600_000, 36_000_000], isLog: true },
};
const shares = { short: percent, exact: percent };

const FORMS = {
  sessions: numbers,
  active_sessions: numbers,
  active_minutes: times,
  time_minutes: times,
  messages: numbers,
  user_messages: numbers,
  assistant_messages: numbers,
  tool_calls: numbers,
  tool_errors: { ...numbers, better: "less" },
  error_rate: { ...shares, better: "less" },
  rejected_calls: numbers,
  cancelled_calls: numbers,
  pending_calls: numbers,
  measured_calls: numbers,
  p50_ms: { ...durations, better: "less" },
  p95_ms: { ...durations, better: "less" },
  files_modified: numbers,
  lines_added: numbers,
  lines_removed: numbers,
  input_tokens: tokens,
  output_tokens: tokens,
  cache_creation_tokens: tokens,
  cache_read_tokens: tokens,
  total_tokens: tokens,
  cache_hit_rate: { ...shares, better: "more" },
  cache_saved_usd: { ...money, better: "more" },
  api_calls: numbers,
  unpriced_calls: { ...numbers, better: "less" },
  cost_usd: money,
  cost_per_active_hour: money,
} satisfies { [Name in keyof typeof terms.measures]: Form };

export type MeasureName = keyof typeof FORMS;

export function measure(name: MeasureName): Measure {
  const form: Form = FORMS[name];
  return { cell: form.exact, ...terms.measures[name], ...form };
}
