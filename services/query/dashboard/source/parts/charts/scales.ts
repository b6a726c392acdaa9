/** Where the parts of a chart stand, in pixels of its drawing: lines of the axis, dates, bars, lines. */

import { daysBetween } from "../../format/days";

export type Values = readonly (number | null | undefined)[];

/** The place of the drawing within its box. */
export interface Frame {
  left: number;
  top: number;
  width: number;
  height: number;
  /** How many dates are beside each other. */
  dates: number;
  /** The value at the upper edge. */
  most: number;
  /** The value at the lower edge where equal distances are equal factors; else that is 0. */
  least?: number | undefined;
}

export interface Tick {
  value: number;
  text: string;
}

/** At least so many pixels from one line of the axis to the next. */
const TICK_PX = 40;
/** A figure or letter of 12 px is hardly wider. */
const LETTER_PX = 7;
const LABEL_GAP_PX = 14;
/** Of more days, months are written under the chart. */
const MOST_DAYS = 92;
const BAR_SHARE = 0.75;
const BAR_PX = 32;
const DOT_PX = 1.2;
/** A chart of so few dates is shown whole: its bars are wide. */
const WHOLE_DATES = 10;

export const textWidth = (text: string) => text.length * LETTER_PX;

/** The lines of an axis up to `most`: the least steps that leave room and whose numbers differ as they are written, so that nobody reads "1" twice. */
export function ticksOf(most: number, height: number, write: (value: number) => string, steps?: readonly number[]): Tick[] {
  const least = (most * TICK_PX) / height;
  const ten = 10 ** Math.floor(Math.log10(least));
  const decimal = [1, 10, 100, 1_000].flatMap((by) => [1, 2, 2.5, 5].map((step) => step * by * ten));
  let found: Tick[] = [];
  for (const step of (steps ?? decimal).filter((each) => each >= least)) {
    found = Array.from({ length: Math.floor(most / step) + 1 }, (_, index) => ({ value: index * step, text: index === 0 ? "0" : write(index * step) }));
    if (new Set(found.map((tick) => tick.text)).size === found.length) break;
  }
  return found.length > 0 ? found : [{ value: 0, text: "0" }];
}

/** The lines of an axis of factors: those of `steps` from the one below the least value on, as many as have room. */
export function factorTicks(least: number, most: number, height: number, write: (value: number) => string, steps: readonly number[]): [from: number, ticks: Tick[]] {
  const from = steps.findLast((each) => each <= least) ?? least;
  const within = steps.filter((each) => each >= from && each <= most);
  const by = Math.max(1, Math.ceil((within.length * TICK_PX * 0.6) / height));
  return [from, within.filter((_, index) => index % by === 0).map((value) => ({ value, text: write(value) }))];
}

/** The dates that are written under the chart: as many as have room, in steps that the calendar has. Of days over more than a quarter, the first of each month. */
export function dateTicks(dates: readonly string[], width: number): { index: number; text: string }[] {
  const [first = "", second = first] = dates;
  const last = dates.at(-1) ?? first;
  const pitch = width / dates.length;
  const gap = first.includes("T") ? 0 : daysBetween(dayOf(first), dayOf(second));
  const isByMonth = gap === 1 && dates.length > MOST_DAYS;
  const isMonth = isByMonth || gap > 7 || first.length === 7;
  const hasYear = isMonth || daysBetween(dayOf(first), dayOf(last)) > 366;
  const all = dates.flatMap((date, index) => (!isByMonth || date.endsWith("-01") ? [{ index, text: axisDate(date, isMonth, hasYear) }] : []));
  const room = isByMonth ? 28 * pitch : pitch;
  const widest = Math.max(...all.map(({ text }) => textWidth(text))) + LABEL_GAP_PX;
  const steps = isMonth ? [1, 2, 3, 6, 12, 24, 60, 120] : gap === 0 ? [1, 2, 3, 4, 6, 12, 24, 48, 96, 168] : gap === 1 ? [1, 2, 3, 4, 7, 14, 28] : [1, 2, 4, 8, 13, 26, 52];
  const step = steps.find((each) => each * room >= widest) ?? Math.ceil(widest / room);
  // A label is under the middle of its bar. One that would stick out at the end is left out.
  return all.filter(({ index, text }, at) => at % step === 0 && (index + 0.5) * pitch + textWidth(text) / 2 <= width + LABEL_GAP_PX / 2);
}

const dayOf = (date: string) => (date.length === 7 ? `${date}-01` : date.slice(0, 10));

/** "16 Feb", "Feb 26", "14:00". A midnight among hours is written as its day. */
function axisDate(date: string, isMonth: boolean, hasYear: boolean): string {
  if (date.includes("T") && !date.endsWith("T00:00")) return date.slice(11);
  const options: Intl.DateTimeFormatOptions = { month: "short", timeZone: "UTC" };
  if (!isMonth) options.day = "numeric";
  if (hasYear) options.year = "2-digit";
  return new Date(`${dayOf(date)}T00:00:00Z`).toLocaleDateString("en-GB", options);
}

const tenths = (pixels: number) => Math.round(pixels * 10) / 10;

export const pitchOf = (frame: Frame) => frame.width / frame.dates;
export const middleOf = (index: number, frame: Frame) => tenths(frame.left + (index + 0.5) * pitchOf(frame));
export const heightAt = (value: number, frame: Frame) => tenths(frame.top + frame.height * (1 - shareOf(value, frame)));
const shareOf = (value: number, { most, least }: Frame) => (least ? Math.max(0, Math.log(value / least) / Math.log(most / least)) : value / most);

/** All bars of a series in one path. They stand on the axis, also in a stack, where each lower series is drawn over the higher ones; `below` is what they stand on there. */
export function barsPath(values: Values, below: readonly number[], frame: Frame): string {
  const width = Math.max(1, Math.min(pitchOf(frame) * BAR_SHARE, BAR_PX));
  const ground = tenths(frame.top + frame.height);
  let path = "";
  values.forEach((value, index) => {
    if (!value) return;
    // The least value is seen, too.
    const top = Math.min(heightAt(value + (below[index] ?? 0), frame), ground - 1);
    const round = tenths(Math.min(width * 0.15, ground - top));
    const left = tenths(frame.left + (index + 0.5) * pitchOf(frame) - width / 2);
    path += round < 0.5 ? `M${left} ${ground}V${top}h${tenths(width)}V${ground}z` : `M${left} ${ground}V${tenths(top + round)}q0-${round} ${round}-${round}h${tenths(width - 2 * round)}q${round} 0 ${round} ${round}V${ground}z`;
  });
  return path;
}

/** A line in one path: unknown values are gaps, and one without a neighbour is a dot, since no line leads to it. */
export function linePath(values: Values, frame: Frame): string {
  let path = "";
  values.forEach((value, index) => {
    if (value == null) return;
    const hasBefore = index > 0 && values[index - 1] != null;
    const [x, y] = [middleOf(index, frame), heightAt(value, frame)];
    if (hasBefore || values[index + 1] != null) path += `${hasBefore ? "L" : "M"}${x} ${y}`;
    else path += `M${tenths(x - DOT_PX)} ${y}a${DOT_PX} ${DOT_PX} 0 1 0 ${2 * DOT_PX} 0a${DOT_PX} ${DOT_PX} 0 1 0-${2 * DOT_PX} 0z`;
  });
  return path;
}

/** What each of the stacked series stands on. */
export function stackOf(series: readonly Values[], length: number): number[][] {
  const sums = new Array<number>(length).fill(0);
  return series.map((values) => {
    const below = [...sums];
    sums.forEach((sum, index) => (sums[index] = sum + (values[index] ?? 0)));
    return below;
  });
}

/** The part of the dates that is drawn, from its first to after its last: empty ends that would take a quarter of the chart are left out. */
export function drawnPart(series: readonly Values[], length: number): [number, number] {
  const is = places(series, length);
  const [first, end] = [is.indexOf(true), is.lastIndexOf(true) + 1];
  return length > WHOLE_DATES && end > 0 && end - first < length * 0.75 ? [first, end] : [0, length];
}

/** Whether there is anything to draw at all. */
export const hasAnything = (series: readonly Values[], length: number) => places(series, length).includes(true);

/** Where one of the series has something. Counts are 0 where nothing happened; rates and costs are unknown there, and their 0 is a value. */
function places(series: readonly Values[], length: number): boolean[] {
  const hasGaps = series.map((values) => values.some((value) => value == null));
  return Array.from({ length }, (_, index) => series.some((values, at) => Boolean(values[index]) || (hasGaps[at] === true && values[index] === 0)));
}
