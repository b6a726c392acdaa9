/** The drawing of a chart: one path for each series, as SVG. Over it lies one link, which leads to the date under the pointer, or that the arrow keys have reached. */

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { type Frame, type Values, barsPath, dateTicks, factorTicks, heightAt, linePath, middleOf, pitchOf, stackOf, textWidth, ticksOf } from "./scales";

export interface Series {
  label: string;
  /** What the label says, where the panel does not say it. */
  definition?: string;
  /** null is not known, undefined is nothing. */
  values: Values;
  /** A token of style/tokens.css, as `--series-1`. */
  color: string;
  /** "dash" is a line of estimates. "sum" is told in the tooltip and the table, and not drawn, as of what the others are parts. */
  kind: "bars" | "line" | "dash" | "ghost" | "sum";
  /** How its numbers are written, where it is not as those of the others. */
  format?: PlotProps["format"];
}

export interface PlotProps {
  /** What is shown, for screen readers. */
  label: string;
  /** The start of each interval, as a local date (`2026-02-16`) or hour (`2026-02-16T14:00`). */
  dates: readonly string[];
  series: readonly Series[];
  format: (value: number | null | undefined) => string;
  /** How numbers stand on the axis, where it is not as in tooltips. */
  axisFormat?: ((value: number | null | undefined) => string) | undefined;
  /** The distances that the lines of the axis may have, where they are not decimal; with `isLog`, the values that they may have. */
  axisSteps?: readonly number[] | undefined;
  /** Equal distances are equal factors, so that lines of seconds and of hours are both seen. Of lines alone. */
  isLog?: boolean | undefined;
  height?: number;
  /** Bars stand on each other, the first series at the bottom. */
  isStacked?: boolean;
  /** Where each of `dates` is a week or a month, how it is written in tooltips and in the table. */
  dateText?: (date: string) => string;
  /** A drag over the chart chooses these dates, the first and the last that it touches. */
  onChoose?: ((from: string, to: string) => void) | undefined;
  /** Where a date leads, in the chart and in the table. */
  hrefOf?: ((date: string) => string) | undefined;
}

export const HEIGHT = 220;
const TOP = 8;
const RIGHT = 8;
const BELOW = 26;
/** A narrower chart has no room for the tooltip beside the pointer. */
const NARROW = 480;
const DRAG_PX = 4;

export const plainDate = (date: string) => date.replace("T", " ");

export function Plot({ label, dates, series, format, axisFormat = format, axisSteps, isLog = false, height = HEIGHT, isStacked = false, dateText = plainDate, onChoose, hrefOf }: PlotProps) {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  const [at, setAt] = useState<number | null>(null);
  const [pointer, setPointer] = useState(0);
  /** Where a drag began and where it is, as places of dates. */
  const [drag, setDrag] = useState<readonly [number, number] | null>(null);
  const pressed = useRef<{ x: number; index: number; isNew: boolean; isDrag: boolean } | null>(null);

  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const measure = () => setWidth(element.clientWidth);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useEffect(() => setAt(null), [dates]);

  const drawn = useMemo(() => drawingOf({ dates, series, axisFormat, axisSteps, isLog, height, isStacked, dateText, width }), [dates, series, height, isStacked, width]);
  const { frame, ticks, labels, paths } = drawn;
  const pitch = pitchOf(frame);
  const last = dates.length - 1;
  const here = at !== null && at <= last ? at : null;
  const textOf = (each: Series, index: number) => (each.format ?? format)(each.values[index]);
  const ofDate = (index: number) => `${dateText(dates[index] ?? "")}: ${series.map((each) => `${each.label} ${textOf(each, index)}`).join(", ")}`;
  const indexAt = (event: PointerEvent) => Math.max(0, Math.min(last, Math.floor((event.offsetX - frame.left) / pitch)));

  function onMove(event: PointerEvent): void {
    const index = indexAt(event);
    const press = pressed.current;
    setAt(index);
    setPointer(event.offsetY);
    if (!press || !onChoose || (!press.isDrag && Math.abs(event.offsetX - press.x) <= DRAG_PX)) return;
    press.isDrag = true;
    setDrag([Math.min(press.index, index), Math.max(press.index, index)]);
  }

  function onDown(event: PointerEvent): void {
    if (event.button !== 0) return;
    const index = indexAt(event);
    // A first tap shows the numbers, a second one follows: a finger does not hover.
    pressed.current = { x: event.offsetX, index, isNew: event.pointerType === "touch" && index !== here, isDrag: false };
    (event.currentTarget as Element).setPointerCapture(event.pointerId);
    onMove(event);
  }

  function onClick(event: MouseEvent): void {
    const press = pressed.current;
    pressed.current = null;
    // A click by the keyboard has no press.
    if (press?.isDrag || press?.isNew) event.preventDefault();
  }

  function onUp(): void {
    const [from, to] = drag ?? [];
    setDrag(null);
    if (from !== undefined && to !== undefined && dates[from] && dates[to]) onChoose?.(dates[from], dates[to]);
  }

  function onKey(event: KeyboardEvent): void {
    const from = here ?? last;
    const next = { ArrowLeft: from - 1, ArrowRight: from + 1, Home: 0, End: last }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    setAt(Math.max(0, Math.min(last, next)));
    setPointer(0);
  }

  const x = middleOf(here ?? 0, frame);
  const isNarrow = width < NARROW;
  const isLeft = x > width / 2;
  const shown = here ?? last;
  const told = series.filter((each) => here !== null && each.values[here] !== undefined);
  const href = hrefOf && dates[shown] ? hrefOf(dates[shown]) : null;
  return (
    <div class="plot" ref={box} style={{ minHeight: `${height}px` }}>
      {width > 0 && (
        <svg viewBox={`0 0 ${width} ${height}`} role="img" aria-label={`${label}. The table has the same numbers.`}>
          {ticks.map(({ value, text }) => (
            <g key={value}>
              <path class="plot-grid" d={`M${frame.left} ${Math.round(heightAt(value, frame)) + 0.5}h${frame.width}`} />
              <text x={frame.left - 8} y={heightAt(value, frame) + 4} text-anchor="end">
                {text}
              </text>
            </g>
          ))}
          {labels.map(({ index, text }) => (
            <text key={index} x={middleOf(index, frame)} y={height - 7} text-anchor="middle">
              {text}
            </text>
          ))}
          {paths.map(({ kind, color, path }, index) => (
            <path key={index} class={`plot-${kind}`} style={{ [kind === "bars" ? "fill" : "stroke"]: `var(${color})` }} d={path} />
          ))}
        </svg>
      )}
      {here !== null && <i class="plot-band" style={bandOf(here, here, frame)} />}
      {drag && <i class="plot-band is-chosen" style={bandOf(...drag, frame)} />}
      <a
        class="plot-over"
        {...(href ? { href } : { role: "group" as const })}
        tabIndex={0}
        draggable={false}
        aria-label={ofDate(shown)}
        onPointerMove={onMove}
        onPointerDown={onDown}
        onPointerUp={onUp}
        onPointerCancel={() => setDrag((pressed.current = null))}
        onPointerLeave={(event) => event.pointerType !== "touch" && setAt(null)}
        onClick={onClick}
        onKeyDown={onKey}
        onFocus={() => setAt((was) => was ?? last)}
        onBlur={() => setAt(null)}
      />
      {here !== null && (
        <div
          class="plot-tip"
          aria-hidden="true"
          style={{
            top: isNarrow ? "0" : `${pointer}px`,
            left: `${isNarrow ? x : x + (isLeft ? -14 : 14)}px`,
            transform: `translate(${isNarrow ? (-x / width) * 100 : isLeft ? -100 : 0}%, ${isNarrow ? 0 : (-pointer / height) * 100}%)`,
          }}
        >
          <b>{dateText(dates[here] ?? "")}</b>
          {told.length === 0
            ? "nothing"
            : told.map((each) => (
                <span key={each.label}>
                  <Mark of={each} /> {each.label}: {textOf(each, here)}
                </span>
              ))}
        </div>
      )}
    </div>
  );
}

/** Over the dates from one place to another. It is no part of the drawing, so that a pointer that moves does not have thousands of bars painted anew. */
function bandOf(from: number, to: number, frame: Frame) {
  return { left: `${frame.left + from * pitchOf(frame)}px`, width: `${Math.max(1, (to - from + 1) * pitchOf(frame))}px`, top: `${frame.top}px`, height: `${frame.height}px` };
}

export function Mark({ of: { kind, color } }: { of: Series }) {
  return kind === "sum" ? null : <i class={`legend-mark is-${kind}`} style={{ background: `var(${color})` }} />;
}

interface Drawing {
  frame: Frame;
  ticks: ReturnType<typeof ticksOf>;
  labels: ReturnType<typeof dateTicks>;
  paths: { kind: Series["kind"]; color: string; path: string }[];
}

type Drawn = Pick<PlotProps, "dates" | "series" | "axisSteps"> & Required<Pick<PlotProps, "height" | "isLog" | "isStacked" | "dateText">> & { axisFormat: PlotProps["format"]; width: number };

function drawingOf({ dates, series, axisFormat, axisSteps, isLog, height, isStacked, dateText, width }: Drawn): Drawing {
  const bars = series.filter((each) => each.kind === "bars");
  const lines = series.filter((each) => each.kind !== "bars" && each.kind !== "sum");
  const below = stackOf(isStacked ? bars.map((each) => each.values) : [], dates.length);
  const tops = [
    ...bars.flatMap((each, at) => each.values.map((value, index) => (value ?? 0) + (below[at]?.[index] ?? 0))),
    ...lines.flatMap((each) => each.values.map((value) => value ?? 0)),
  ];
  const reached = tops.reduce((one, other) => Math.max(one, other), 0);
  const most = reached * (isLog ? 1.6 : 1.08) || 1;
  const room = height - TOP - BELOW;
  const [least, ticks] =
    isLog && axisSteps && reached > 0
      ? factorTicks(tops.reduce((one, other) => (other > 0 && other < one ? other : one), reached), most, room, axisFormat, axisSteps)
      : [undefined, reached > 0 ? ticksOf(most, room, axisFormat, axisSteps) : [{ value: 0, text: "0" }]];
  const left = Math.max(...ticks.map(({ text }) => textWidth(text))) + 12;
  const frame = { left, top: TOP, width: Math.max(1, width - left - RIGHT), height: room, dates: dates.length, most, least };
  const ofBars = bars.map((each, at) => ({ ...each, path: barsPath(each.values, below[at] ?? [], frame) }));
  const ofLines = lines.map((each) => ({ ...each, path: linePath(each.values, frame) }));
  const labels = dates.length === 1 ? [{ index: 0, text: dateText(dates[0] ?? "") }] : dateTicks(dates, frame.width);
  return { frame, ticks, labels, paths: [...(isStacked ? ofBars.reverse() : ofBars), ...ofLines] };
}
