/** Numbers over time as bars or lines (uPlot), with the same numbers as a table. */

import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { Hint } from "../notes/hint";
import { Table } from "../tables/table";

export interface Series {
  label: string;
  /** What the label says, where the panel does not say it. */
  definition?: string;
  /** null is not known, undefined is nothing. */
  values: readonly (number | null | undefined)[];
  /** A token of style/tokens.css, as `--series-1`. */
  color: string;
  kind: "bars" | "line" | "ghost";
}

interface Props {
  /** What is shown, for screen readers. */
  label: string;
  /** The start of each interval, as a local date (`2026-02-16`) or hour (`2026-02-16T14:00`). */
  dates: readonly string[];
  series: readonly Series[];
  format: (value: number | null | undefined) => string;
  /** How numbers stand on the axis, where it is not as in tooltips. */
  axisFormat?: (value: number | null | undefined) => string;
  /** The distances that the lines of the axis may have, where they are not decimal. */
  axisSteps?: readonly number[] | undefined;
  height?: number;
  /** Bars stand on each other, the first series at the bottom. */
  isStacked?: boolean;
  /** Where each of `dates` is a week or a month, how it is written in tooltips and in the table. */
  dateText?: (date: string) => string;
  /** A drag over the chart chooses these dates, the first and the last that it touches. */
  onChoose?: ((from: string, to: string) => void) | undefined;
  /** The same for the table: where the date of a row leads. */
  hrefOf?: (date: string) => string;
}

const plainDate = (date: string) => date.replace("T", " ");

export function SeriesChart({ label, dates, series, format, axisFormat = format, axisSteps, height = 220, isStacked = false, dateText = plainDate, onChoose, hrefOf }: Props) {
  const [isTable, setTable] = useState(false);
  return (
    <figure class="chart">
      <figcaption class="chart-legend">
        {series.map((each, index) => (
          <span key={index} class="legend">
            <i class={`legend-mark is-${each.kind}`} style={{ background: `var(${each.color})` }} />
            {each.definition ? <Hint text={each.definition}>{each.label}</Hint> : each.label}
          </span>
        ))}
        <button type="button" class="button is-quiet is-small chart-switch" aria-pressed={isTable} onClick={() => setTable(!isTable)}>
          {isTable ? "Chart" : "Table"}
        </button>
      </figcaption>
      {isTable ? (
        <div class="chart-table">
          <Table
            caption={label}
            rows={dates.map((date, index) => ({ date, index })).reverse()}
            keyOf={(row) => row.date}
            columns={[
              { title: "Date", cell: (row) => (hrefOf ? <a href={hrefOf(row.date)}>{dateText(row.date)}</a> : dateText(row.date)) },
              ...series.map((each) => ({ title: each.label, isNumber: true, cell: (row: { index: number }) => format(each.values[row.index]) })),
            ]}
          />
        </div>
      ) : (
        <Plot label={label} dates={dates} series={series} format={format} axisFormat={axisFormat} axisSteps={axisSteps} height={height} isStacked={isStacked} dateText={dateText} onChoose={onChoose} />
      )}
    </figure>
  );
}

type PlotProps = Required<Omit<Props, "onChoose" | "hrefOf" | "axisSteps">> & Pick<Props, "onChoose" | "axisSteps">;

function Plot({ label, dates, series, format, axisFormat, axisSteps, height, isStacked, dateText, onChoose }: PlotProps) {
  const box = useRef<HTMLDivElement>(null);
  const [at, setAt] = useState<number | null>(null);

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const plot = new uPlot(optionsOf(element, dates, series, isStacked, axisFormat, axisSteps, height, setAt, onChoose), dataOf(dates, series, isStacked), element);
    const observer = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height }));
    observer.observe(element);
    const scheme = window.matchMedia("(prefers-color-scheme: dark)");
    const redraw = () => plot.redraw(false, true);
    scheme.addEventListener("change", redraw);
    const theme = new MutationObserver(redraw);
    theme.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    return () => {
      observer.disconnect();
      theme.disconnect();
      scheme.removeEventListener("change", redraw);
      plot.destroy();
    };
  }, [dates, series, height, isStacked]);

  return (
    <div class="plot" role="img" aria-label={`${label}. The table has the same numbers.`} style={{ minHeight: `${height}px` }}>
      <div ref={box} />
      {at !== null && (
        <div class="plot-tip">
          <b>{dateText(dates[at] ?? "")}</b>
          {series.map((each, index) => (
            <span key={index}>
              <i class="legend-mark" style={{ background: `var(${each.color})` }} /> {each.label}: {format(each.values[at])}
            </span>
          ))}
        </div>
      )}
    </div>
  );
}

/** Stacked bars are drawn from the tallest down, so that each lower one covers its part. */
function drawingOrder(series: readonly Series[], isStacked: boolean): Series[] {
  const bars = series.filter((each) => each.kind === "bars");
  return [...(isStacked ? bars.reverse() : bars), ...series.filter((each) => each.kind !== "bars")];
}

/** Positions on the x axis are whole numbers: calendar dates have no gaps and no summer time. */
function dataOf(dates: readonly string[], series: readonly Series[], isStacked: boolean): uPlot.AlignedData {
  const below = new Array<number>(dates.length).fill(0);
  const heights = new Map<Series, (number | null | undefined)[]>();
  for (const each of series) {
    const isPart = isStacked && each.kind === "bars";
    heights.set(each, isPart ? dates.map((_, index) => (below[index] = (below[index] ?? 0) + (each.values[index] ?? 0))) : [...each.values]);
  }
  return [dates.map((_, index) => index), ...drawingOrder(series, isStacked).map((each) => heights.get(each) ?? [])];
}

function optionsOf(
  element: HTMLElement,
  dates: readonly string[],
  series: readonly Series[],
  isStacked: boolean,
  format: PlotProps["axisFormat"],
  steps: PlotProps["axisSteps"],
  height: number,
  setAt: (index: number | null) => void,
  onChoose: Props["onChoose"],
): uPlot.Options {
  const token = (name: string) => getComputedStyle(element).getPropertyValue(name).trim();
  const bars = uPlot.paths.bars?.({ size: [0.75, 32], radius: 0.15 });
  const axis = { stroke: () => token("--text-quiet"), font: "12px system-ui, sans-serif", ticks: { show: false } };
  return {
    width: element.clientWidth,
    height,
    legend: { show: false },
    cursor: { y: false, points: { show: false }, drag: { x: onChoose !== undefined, y: false, setScale: false } },
    scales: { x: { time: false, range: (_, min, max) => [min - 0.6, max + 0.6] }, y: { range: (_, __, max) => [0, max > 0 ? max * 1.08 : 1] } },
    axes: [
      { ...axis, grid: { show: false }, values: (_, places) => places.map((place) => (Number.isInteger(place) ? axisDate(dates, place) : "")), space: 70, size: 30 },
      { ...axis, grid: { stroke: () => token("--line"), width: 1 }, values: (_, numbers) => numbers.map((value) => (value === 0 ? "0" : format(value))), size: 64, space: 40, ...(steps && { incrs: [...steps] }) },
    ],
    series: [{}, ...drawingOrder(series, isStacked).map((each) => drawingOf(each, bars, () => token(each.color)))],
    hooks: {
      setCursor: [(plot) => setAt(plot.cursor.left != null && plot.cursor.left >= 0 && plot.cursor.idx != null ? plot.cursor.idx : null)],
      setSelect: [
        (plot) => {
          const first = dates[Math.max(0, Math.round(plot.posToVal(plot.select.left, "x")))];
          const last = dates[Math.min(dates.length - 1, Math.round(plot.posToVal(plot.select.left + plot.select.width, "x")))];
          if (plot.select.width > 4 && first && last && first <= last) onChoose?.(first, last);
        },
      ],
    },
  };
}

function drawingOf(series: Series, bars: uPlot.Series.PathBuilder | undefined, stroke: () => string): uPlot.Series {
  const line: uPlot.Series = { label: series.label, stroke, points: series.kind === "line" ? { show: true, size: 5, fill: stroke, filter: () => lonely(series.values) } : { show: false } };
  if (series.kind === "bars" && bars) return { ...line, width: 0, paths: bars, fill: stroke };
  return series.kind === "ghost" ? { ...line, width: 1.5, dash: [4, 4] } : { ...line, width: 2 };
}

/** The places of numbers without a neighbour: no line leads to them. */
function lonely(values: Series["values"]): number[] {
  return values.flatMap((value, index) => (value != null && (values[index - 1] ?? null) === null && (values[index + 1] ?? null) === null ? [index] : []));
}

function axisDate(dates: readonly string[], place: number): string {
  const date = dates[place];
  if (!date) return "";
  if (date.includes("T")) return date.slice(11);
  const parsed = new Date(`${date.length === 7 ? `${date}-01` : date}T00:00:00Z`);
  return parsed.toLocaleDateString("en-GB", date.length === 7 ? { month: "short", year: "2-digit", timeZone: "UTC" } : { day: "numeric", month: "short", timeZone: "UTC" });
}
