/** Rows of any height of which only those near the screen are in the document. What one reads stays in its place, whatever comes in above. */

import type { ComponentChildren } from "preact";
import { memo } from "../../../parts/memo";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { isPrinting } from "../../../parts/printing";
import { type Row, probableHeight } from "./rows";

/** A row to go to. The same one again has another `number`. */
export interface Target {
  index: number;
  number: number;
  /** Where it is to stand on the screen; left out: below the bar. */
  top?: number | undefined;
  /** In place of that, how far the page is to be scrolled, where its head shows. */
  scrollY?: number;
}

interface Props {
  rows: readonly Row[];
  render: (row: Row, index: number) => ComponentChildren;
  target: Target | null;
  /** Changes when what stands above the list changes its height: then what one reads is put back where it stood. */
  above: number;
  hasEarlier: boolean;
  hasLater: boolean;
  onNearStart: () => void;
  onNearEnd: () => void;
  /** Tells the first row on the screen, whether the end is, and where the row stands; null while the page's head shows. */
  onMove: (index: number, isAtEnd: boolean, top: number | null) => void;
}

// Beyond the screen's edges, in pixels: what is rendered, and from where on more is read.
const BEYOND = 700;
const READ_AHEAD = 3_000;
// Where a row that one jumps to stands: below the bar, with a little of what was before.
const TARGET_TOP = 116;
const LOADER_PX = 40;

export const RowList = memo(function RowList({ rows, render, target, hasEarlier, hasLater, onNearStart, onNearEnd, onMove }: Props) {
  const list = useRef<HTMLDivElement>(null);
  const heights = useRef(new Map<string, number>());
  const [measured, setMeasured] = useState(0);
  const [view, setView] = useState({ top: 0, bottom: 1_400 });
  // The row that must not move, and where it stands on the screen.
  const anchor = useRef<{ key: string; top: number; scrollY: number; next: { key: string; top: number }[] } | null>(null);
  // After a jump the target is held, until the viewer scrolls.
  const isHeld = useRef(false);
  const follows = useRef(false);
  const jumped = useRef(0);
  const lead = hasEarlier ? LOADER_PX : 0;

  const tops = useMemo(() => {
    const sums = new Float64Array(rows.length + 1);
    sums[0] = lead;
    for (let at = 0; at < rows.length; at += 1) {
      const row = rows[at] as Row;
      sums[at + 1] = (sums[at] as number) + (heights.current.get(row.key) ?? probableHeight(row));
    }
    return sums;
  }, [rows, measured, lead]);
  const indexOf = useMemo(() => new Map(rows.map((row, index) => [row.key, index])), [rows]);

  let first = rowAt(tops, view.top - BEYOND);
  let last = Math.min(rows.length, rowAt(tops, view.bottom + BEYOND) + 1);
  if (target && target.number !== jumped.current) {
    // The target is rendered before it is gone to.
    first = Math.max(0, target.index - 12);
    last = Math.min(rows.length, target.index + 40);
  }
  if (isPrinting.value) [first, last] = [0, rows.length];

  function look(): void {
    const box = list.current?.getBoundingClientRect();
    if (!box) return;
    const top = -box.top;
    const bottom = top + window.innerHeight;
    setView((before) => (Math.abs(before.top - top) < BEYOND / 3 && before.bottom - before.top === bottom - top ? before : { top, bottom }));
    // A pixel more: a row that one jumped to stands there, give or take a fraction.
    const current = rowAt(tops, top + TARGET_TOP + 1);
    const isAtEnd = bottom >= (tops[rows.length] as number) - 60;
    follows.current = isAtEnd && !hasLater;
    // At the head of the session there is nothing above that could push.
    if (!isHeld.current && top < 0 && !hasEarlier) anchor.current = null;
    else if (!isHeld.current && rows[current]) {
      // The line over a run of calls is another one once more of the run is loaded: then those after it say where to stay.
      const near = rows.slice(current + 1, current + 8).map((row, index) => ({ key: row.key, top: (tops[current + 1 + index] as number) - top }));
      anchor.current = { key: (rows[current] as Row).key, top: (tops[current] as number) - top, scrollY: window.scrollY, next: near };
    }
    if (rows.length) onMove(current, isAtEnd, top < 0 && !hasEarlier ? null : (tops[current] as number) - top);
    if (hasEarlier && top < READ_AHEAD) onNearStart();
    if (hasLater && bottom > (tops[rows.length] as number) - READ_AHEAD) onNearEnd();
  }

  // Sizes of what was rendered, before it is painted; then the anchor is put back where it stood.
  useLayoutEffect(() => {
    const box = list.current;
    if (!box) return;
    let hasNew = false;
    for (const element of box.querySelectorAll<HTMLElement>(":scope > .row-slice > [data-key]")) {
      const key = element.dataset.key as string;
      const height = element.getBoundingClientRect().height;
      if (Math.abs((heights.current.get(key) ?? -1) - height) > 0.5) {
        heights.current.set(key, height);
        hasNew = true;
      }
    }
    if (hasNew) return setMeasured((count) => count + 1);
    const top = box.getBoundingClientRect().top;
    if (target && target.number !== jumped.current && rows[target.index]) {
      jumped.current = target.number;
      isHeld.current = target.scrollY === undefined;
      anchor.current = isHeld.current ? { key: (rows[target.index] as Row).key, top: target.top ?? TARGET_TOP, scrollY: window.scrollY, next: [] } : null;
      if (target.scrollY !== undefined) window.scrollTo(0, target.scrollY);
    } else if (follows.current && !isHeld.current && !hasLater) {
      const below = top + (tops[rows.length] as number) - window.innerHeight;
      if (below > 0) window.scrollBy(0, below + 80);
      look();
      return;
    }
    const held = anchor.current;
    if (!held) return look();
    const kept = [held, ...held.next].find(({ key }) => indexOf.has(key));
    if (kept) {
      // What the viewer scrolled since is meant. While a target is held it was the browser: the list became shorter than was thought.
      const scrolled = isHeld.current ? 0 : window.scrollY - held.scrollY;
      for (const each of [held, ...held.next]) each.top -= scrolled;
      const drift = top + (tops[indexOf.get(kept.key) as number] as number) - kept.top;
      if (kept !== held) anchor.current = { key: kept.key, top: kept.top, scrollY: window.scrollY, next: [] };
      if (Math.abs(drift) > 0.5) window.scrollBy(0, drift);
      if (anchor.current) anchor.current.scrollY = window.scrollY;
    }
    look();
  });

  useEffect(() => {
    const release = () => (isHeld.current = false);
    const ways = ["wheel", "touchmove", "keydown", "pointerdown"] as const;
    for (const way of ways) window.addEventListener(way, release, { passive: true });
    return () => ways.forEach((way) => window.removeEventListener(way, release));
  }, []);

  const lookNow = useRef(look);
  lookNow.current = look;
  useEffect(() => {
    const onScroll = () => lookNow.current();
    window.addEventListener("scroll", onScroll, { passive: true });
    window.addEventListener("resize", onScroll);
    return () => {
      window.removeEventListener("scroll", onScroll);
      window.removeEventListener("resize", onScroll);
    };
  }, []);

  // Rows that change their height by themselves: unfolded, coloured, or on a narrower screen.
  const observer = useMemo(
    () =>
      new ResizeObserver((entries) => {
        const isNew = ({ target: row }: ResizeObserverEntry) => Math.abs((heights.current.get((row as HTMLElement).dataset.key as string) ?? -1) - row.getBoundingClientRect().height) > 0.5;
        if (entries.some(isNew)) setMeasured((count) => count + 1);
      }),
    [],
  );
  useEffect(() => () => observer.disconnect(), []);

  return (
    <div ref={list} class="row-list" style={{ height: `${(tops[rows.length] as number) + (hasLater ? LOADER_PX : 0)}px` }}>
      {hasEarlier && <p class="row-loader">Reading earlier items …</p>}
      <div class="row-slice" style={{ top: `${tops[first]}px` }}>
        {rows.slice(first, last).map((row, index) => (
          <Measured key={row.key} name={row.key} observer={observer}>
            {render(row, first + index)}
          </Measured>
        ))}
      </div>
      {hasLater && <p class="row-loader is-last">Reading later items …</p>}
    </div>
  );
});

function Measured({ name, observer, children }: { name: string; observer: ResizeObserver; children: ComponentChildren }) {
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    observer.observe(element);
    return () => observer.unobserve(element);
  }, []);
  return (
    <div ref={box} data-key={name} class="row">
      {children}
    </div>
  );
}

/** The row that covers this height. */
function rowAt(tops: Float64Array, height: number): number {
  let low = 0;
  let high = tops.length - 2;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((tops[middle] as number) <= height) low = middle;
    else high = middle - 1;
  }
  return Math.max(0, low);
}
