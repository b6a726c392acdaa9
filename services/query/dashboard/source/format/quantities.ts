/** Numbers with their units, as a person reads them. An unknown value is a dash, never a zero. */

export const UNKNOWN = "–";

const whole = new Intl.NumberFormat("en-US");
const short = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });

const tenth = new Intl.NumberFormat("en-US", { notation: "compact", minimumFractionDigits: 1, maximumFractionDigits: 1 });
const cents = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD" });

export function count(value: number | null | undefined): string {
  return value == null ? UNKNOWN : whole.format(Math.round(value));
}

/** 1.2M: where the exact number stands in the tooltip or the table. */
export function compact(value: number | null | undefined): string {
  if (value == null) return UNKNOWN;
  return Math.abs(value) < 10_000 ? whole.format(Math.round(value)) : short.format(value);
}

/** 6.5K, 1.0M: in a column, with one form for all. */
export function thousands(value: number | null | undefined): string {
  return value == null || Math.abs(value) < 1_000 ? count(value) : tenth.format(value);
}

/** Dollars. null is the cost of calls without a known price; undefined is no cost, since nothing was called. */
export function cost(value: number | null | undefined): string {
  if (value === undefined) return UNKNOWN;
  if (value === null) return "not priced";
  if (value < 0) return value > -0.01 ? ">-$0.01" : `-${cost(-value)}`;
  if (value > 0 && value < 0.01) return "<$0.01";
  return value >= 1_000 ? `$${whole.format(Math.round(value))}` : `$${value.toFixed(2)}`;
}

/** With cents, so that a column of them has one form. */
export function dollars(value: number | null | undefined): string {
  return value == null || Math.abs(value) < 1_000 ? cost(value) : cents.format(value);
}

// Times and shares are rounded once, from the exact value, half up, as in the terminal (shared/quantities.py); tests/quantities.json has the cases of both.

/** What a sum of money is to be written of: without a call that lacks a price, an unknown one is of no calls at all. */
export function moneyOf(value: number | null | undefined, calls: { unpriced_calls: number }): number | null | undefined {
  return value === null && calls.unpriced_calls === 0 ? undefined : value;
}

/** 3 h 20 min. */
export function minutes(value: number | null | undefined): string {
  if (value == null) return UNKNOWN;
  if (value > 0 && value < 1) return "<1 min";
  const all = Math.round(value);
  const hours = Math.floor(all / 60);
  if (hours === 0) return `${all} min`;
  return hours >= 100 ? `${whole.format(hours)} h` : `${hours} h ${String(all % 60).padStart(2, "0")} min`;
}

/** 30 min, 2 h, 1.5 h: on an axis, whose steps are round. */
export function axisMinutes(value: number | null | undefined): string {
  if (value == null) return UNKNOWN;
  return value < 60 ? `${value} min` : `${Number((value / 60).toFixed(1)).toLocaleString("en-US")} h`;
}

/** 850 ms, 2.4 s, 3 min 05 s, 6 h 57 min, 3 d 04 h. Each unit is used until its own rounding would reach the next; hours up to 48. */
export function duration(ms: number | null | undefined): string {
  if (ms == null) return UNKNOWN;
  if (ms === 0) return "0 s";
  const milliseconds = Math.round(ms);
  if (milliseconds < 1_000) return milliseconds === 0 ? "<1 ms" : `${milliseconds} ms`;
  const tenths = Math.round(ms / 100);
  if (tenths < 600) return `${(tenths / 10).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, "0")} s`;
  if (Math.round(ms / 60_000) < 2_880) return minutes(ms / 60_000);
  const hours = Math.round(ms / 3_600_000);
  return `${whole.format(Math.floor(hours / 24))} d ${String(hours % 24).padStart(2, "0")} h`;
}

/** 40 s, 3 min, 6 h, 12 d: since when, of which only the size counts. Full units, so that it never says more than it is. */
export function age(seconds: number | null | undefined): string {
  if (seconds == null) return UNKNOWN;
  const all = Math.max(0, Math.floor(seconds));
  const [size, unit] = all >= 86_400 ? ([86_400, "d"] as const) : all >= 3_600 ? ([3_600, "h"] as const) : all >= 60 ? ([60, "min"] as const) : ([1, "s"] as const);
  return `${whole.format(Math.floor(all / size))} ${unit}`;
}

/** 500 ms, 2.5 s, 10 min, 2 h: on an axis, whose steps are round. */
export function axisDuration(ms: number | null | undefined): string {
  if (ms == null) return UNKNOWN;
  const [unit, size] = ms < 1_000 ? (["ms", 1] as const) : ms < 60_000 ? (["s", 1_000] as const) : ms < 3_600_000 ? (["min", 60_000] as const) : (["h", 3_600_000] as const);
  return `${Number((ms / size).toFixed(1)).toLocaleString("en-US")} ${unit}`;
}

export function bytes(value: number | null | undefined): string {
  if (value == null) return UNKNOWN;
  const units = ["B", "KB", "MB", "GB", "TB"];
  let size = value;
  let unit = 0;
  while (size >= 1_000 && unit < units.length - 1) {
    size /= 1_000;
    unit += 1;
  }
  return `${unit === 0 || size >= 100 ? Math.round(size) : size.toFixed(1)} ${units[unit]}`;
}

/** A share of 1 as a percentage. */
export function percent(value: number | null | undefined): string {
  if (value == null || !Number.isFinite(value)) return UNKNOWN;
  const tenths = Math.round(value * 1_000);
  if (value > 0 && tenths === 0) return "<0.1 %";
  return `${tenths > 0 && tenths < 100 ? (tenths / 10).toFixed(1) : Math.round(value * 100)} %`;
}

const UNITS = new Map<unknown, string>([[minutes, "minutes"], [duration, "ms"], [cost, "USD"], [dollars, "USD"], [percent, "share"]]);

/** "Cost (USD)": heads raw numbers, of those that the page writes with `written`. */
export function withUnit(label: string, written: unknown): string {
  const unit = UNITS.get(written);
  return unit ? `${label} (${unit})` : label;
}

/** "1 session", "2 sessions". */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}
