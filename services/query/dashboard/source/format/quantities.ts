/** Numbers with their units, as a person reads them. An unknown value is a dash, never a zero. */

export const UNKNOWN = "–";

const whole = new Intl.NumberFormat("en-US");
const short = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });

export function count(value: number | null | undefined): string {
  return value == null ? UNKNOWN : whole.format(Math.round(value));
}

/** 1.2M: where the exact number stands in the tooltip or the table. */
export function compact(value: number | null | undefined): string {
  if (value == null) return UNKNOWN;
  return Math.abs(value) < 10_000 ? whole.format(Math.round(value)) : short.format(value);
}

/** Dollars. null is a cost that is not known. */
export function cost(value: number | null | undefined): string {
  if (value == null) return "not priced";
  if (value < 0) return value > -0.01 ? ">-$0.01" : `-${cost(-value)}`;
  if (value > 0 && value < 0.01) return "<$0.01";
  return value >= 1_000 ? `$${whole.format(Math.round(value))}` : `$${value.toFixed(2)}`;
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

/** 850 ms, 2.4 s, 3 min 05 s. */
export function duration(ms: number | null | undefined): string {
  if (ms == null) return UNKNOWN;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, "0")} s`;
  return minutes(seconds / 60);
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
  const hundred = value * 100;
  if (hundred > 0 && hundred < 0.05) return "<0.1 %";
  return `${hundred > 0 && hundred < 10 ? hundred.toFixed(1) : Math.round(hundred)} %`;
}

/** "1 session", "2 sessions". */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}
