/** Tests of the sources that need no browser. `npm test` runs them. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { runnerImport } from "vite";

const source = async (path) => (await runnerImport(`./source/${path}`, { configFile: false, logLevel: "error" })).module;
const quantities = await source("format/quantities.ts");
const { linesOf } = await source("parts/text/diff_lines.ts");
const { LiveBoard } = await source("pages/now/live_board.ts");
// Cases that the terminal is held to as well.
const casesOf = (name) => JSON.parse(readFileSync(new URL(`../../../tests/${name}.json`, import.meta.url), "utf8"));

for (const [name, given] of Object.entries(casesOf("quantities")))
  test(`${name} are written as in the terminal`, () => {
    for (const [value, text] of given) assert.equal(quantities[name](value), text, `${name}(${value})`);
  });

const board = casesOf("live_board");
for (const { name, steps, open, order, events } of board.cases)
  test(`on the live board, ${name}`, () => {
    const live = new LiveBoard();

    for (const step of steps) {
      if (step.rows) live.read(step.rows.map((row) => ({ ...board.row, ...row })), step.last_event_id);
      else live.take(step.id, { ...board.item, ...step.item });
    }

    const shown = Object.fromEntries(live.openSessions.map((session) => [session.id, session]));
    assert.deepEqual(Object.keys(shown).sort(), Object.keys(open).sort());
    for (const [id, told] of Object.entries(open)) for (const field of Object.keys(told)) assert.deepEqual(shown[id][field], told[field], `${id}: ${field}`);
    if (order) assert.deepEqual(Object.keys(shown), order);
    assert.deepEqual(live.feed.map(({ item }) => item.kind).reverse(), events);
  });

const numbered = (patch) => linesOf(patch).map(({ kind, before, after, text }) => [kind, before, after, text]);

test("days are named as in the terminal, and by their dates", async () => {
  const { namedDay } = await source("shell/palette/named_day.ts");
  // A Thursday.
  const today = "2026-12-03";
  const named = {
    "today": today, "Yesterday": "2026-12-02", "2026-02-17": "2026-02-17",
    "wednesday": "2026-12-02", "thursday": "2026-11-26", "friday": "2026-11-27", "last friday": "2026-11-27", "on tue": "2026-12-01",
    "17 feb": "2026-02-17", "Feb 17": "2026-02-17", "17th of feb": null, "17. February": "2026-02-17", "february 17, 2025": "2025-02-17", "3 dec": today, "4 dec": "2025-12-04",
    "29 feb": "2024-02-29", "30 feb": null, "31 apr 2026": null, "3 days ago": "2026-11-30", "1 day ago": "2026-12-02",
    "": null, "tu": null, "tuesdays": null, "feb": null, "17": null, "17 feb 18": null, "2026-02-30": null, "fix the timer": null,
  };
  for (const [text, day] of Object.entries(named)) assert.equal(namedDay(text, today), day, text);
});

test("lines of a hunk have its numbers", () => {
  assert.deepEqual(numbered("@@ -3,2 +5,2 @@\n same\n-old\n+new\n"), [
    ["place", null, null, "@@ -3,2 +5,2 @@"],
    ["same", 3, 5, "same"],
    ["removed", 4, null, "old"],
    ["added", null, 6, "new"],
  ]);
});

test("lines of a hunk at a place that is not known have no numbers", () => {
  assert.deepEqual(numbered("@@ -1 +1 @@\n-a\n@@ @@\n same\n-old\n+new"), [
    ["place", null, null, "@@ -1 +1 @@"],
    ["removed", 1, null, "a"],
    ["place", null, null, "@@ line numbers not known @@"],
    ["same", null, null, "same"],
    ["removed", null, null, "old"],
    ["added", null, null, "new"],
  ]);
});

test("cost of no calls is a dash, and of calls without a price it is not priced", () => {
  const { cost, moneyOf } = quantities;
  assert.equal(cost(moneyOf(null, { unpriced_calls: 0 })), "–");
  assert.equal(cost(moneyOf(null, { unpriced_calls: 2 })), "not priced");
  assert.equal(cost(moneyOf(1.5, { unpriced_calls: 2 })), "$1.50");
});

test("numbers that are saved raw have their unit in the head of their column", async () => {
  const { withUnit, minutes, cost, count } = quantities;
  assert.equal(withUnit("Active time", minutes), "Active time (minutes)");
  assert.equal(withUnit("Cost", cost), "Cost (USD)");
  assert.equal(withUnit("Messages", count), "Messages");
});

test("sums of groups tell nothing from what is not known", async () => {
  const { sumOf } = await source("pages/usage/dimensions.ts");
  assert.equal(sumOf([undefined, undefined]), undefined);
  assert.equal(sumOf([undefined, null]), null);
  assert.equal(sumOf([null, 2, undefined, 3]), 5);
});

test("a range is compared with the days before it, or those of the month or week before, as in the API", async () => {
  const { daysBefore } = await source("format/days.ts");
  for (const [first, last, start, end, label] of casesOf("days_before")) assert.deepEqual(daysBefore(first, last), { start, end, label });
});

test("a prompt that hands over a plan is called by what the plan is about", async () => {
  const { askText } = await source("format/asks.ts");
  assert.equal(askText("Implement the following plan:\n\n# Plan: Retry uploads\n\n## Context\nThey fail."), "Plan: Retry uploads");
  assert.equal(askText("Implement the following plan:\n\n# Plan\n\n## Context\n\nUploads fail.\nOften."), "Plan: Uploads fail.");
  assert.equal(askText("Implement the following plan: retry uploads"), "Plan: retry uploads");
  assert.equal(askText("Implement the login\n# now"), "Implement the login\n# now");
});

const scales = await source("parts/charts/scales.ts");
const frame = (changes = {}) => ({ left: 40, top: 0, width: 100, height: 100, dates: 4, most: 10, ...changes });
const daysFrom = (first, count) => Array.from({ length: count }, (_, index) => new Date(Date.parse(`${first}T00:00:00Z`) + index * 86_400_000).toISOString().slice(0, 10));

test("lines of an axis are round, have room, and never say the same twice", () => {
  const { compact } = quantities;
  const axis = (most, steps) => scales.ticksOf(most, 200, compact, steps).map(({ text }) => text);

  assert.deepEqual(axis(108), ["0", "25", "50", "75", "100"]);
  assert.deepEqual(axis(2.16), ["0", "1", "2"]);
  assert.deepEqual(axis(0.4), ["0"]);
  assert.deepEqual(axis(130, [15, 30, 60]), ["0", "30", "60", "90", "120"]);
  assert.deepEqual(axis(1_000_000_000_000, [15, 30, 60]), ["0"]);
});

test("an axis of factors begins at the step below the least value, and equal factors are equal distances", () => {
  const [least, ticks] = scales.factorTicks(130, 40_000, 160, String, [1, 10, 100, 1_000, 10_000, 60_000]);
  assert.equal(least, 100);
  assert.deepEqual(ticks.map(({ value }) => value), [100, 1_000, 10_000]);
  const at = (value) => scales.heightAt(value, frame({ most: 100_000, least: 100 }));
  assert.deepEqual([100, 1_000, 10_000, 100_000].map(at), [100, 66.7, 33.3, 0]);
});

for (const width of [200, 340, 900])
  test(`dates under a chart of ${width} px do not overlap and are in steps of the calendar`, () => {
    const hours = Array.from({ length: 48 }, (_, hour) => `2026-02-${16 + Math.floor(hour / 24)}T${String(hour % 24).padStart(2, "0")}:00`);
    const weeks = daysFrom("2026-01-05", 7 * 60).filter((_, index) => index % 7 === 0);
    for (const dates of [hours, weeks, daysFrom("2026-01-30", 30), daysFrom("2025-02-11", 365), daysFrom("2015-01-01", 4_000), ["2026-01", "2026-02", "2026-03"]]) {
      const ticks = scales.dateTicks(dates, width);
      const middle = ({ index }) => ((index + 0.5) * width) / dates.length;

      assert.ok(ticks.length > 0, dates[0]);
      ticks.slice(1).forEach((tick, at) => assert.ok(middle(tick) - middle(ticks[at]) > (scales.textWidth(tick.text) + scales.textWidth(ticks[at].text)) / 2, `${ticks[at].text} and ${tick.text}`));
    }
    assert.ok(scales.dateTicks(daysFrom("2025-02-11", 365), width).every(({ text }) => /^[A-Z][a-z]+ 2\d$/.test(text)));
  });

test("bars of a stack stand on the axis, each as high as itself and those below it", () => {
  const [one, other] = [[2, 0, undefined, 4], [3, null, 5, 1]];
  const below = scales.stackOf([one, other], 4);

  const tops = (values, at) => [...scales.barsPath(values, below[at], frame({ width: 4 })).matchAll(/V(\d+)h/g)].map(([, top]) => Number(top));

  assert.deepEqual(tops(one, 0), [80, 60]);
  assert.deepEqual(tops(other, 1), [50, 50, 50]);
});

test("lines break where nothing is known, and a value without neighbours is a dot", () => {
  const path = scales.linePath([1, 2, null, 5, undefined], frame({ dates: 5 }));

  assert.equal(path.match(/L/g).length, 1);
  assert.equal(path.match(/M/g).length, 2);
  assert.match(path, /M108.8 50a1.2 1.2/);
});

test("a chart is drawn from the first to the last date with anything, where empty ends would take a quarter", () => {
  const part = (...series) => scales.drawnPart(series, series[0].length);
  const zeros = (count) => new Array(count).fill(0);

  assert.deepEqual(part([...zeros(200), 3, 0, 4, ...zeros(162)]), [200, 203]);
  assert.deepEqual(part([...zeros(3), ...new Array(27).fill(1)]), [0, 30]);
  assert.deepEqual(part([...zeros(8), 1]), [0, 9]);
  assert.deepEqual(part(zeros(365)), [0, 365]);
  // A rate of 0 is a value; it is unknown where nothing was done.
  assert.deepEqual(part([...new Array(20).fill(null), 0, 0.5, 0, ...new Array(20).fill(null)]), [20, 23]);
  assert.deepEqual(part([...zeros(40), 1], [...zeros(25), 1, ...zeros(15)]), [25, 41]);
});

test("CSV is quoted where it must be, and runs no formula", async () => {
  const { csvOf } = await source("parts/tables/csv.ts");
  assert.equal(csvOf([["a", "b"], [1.5, null], ["x,y", 'a "b"'], ["=1+1", "two\nlines"], ["-2", -2], ["\uff0b1", "+1,2"]]), 'a,b\r\n1.5,\r\n"x,y","a ""b"""\r\n\'=1+1,"two\nlines"\r\n\'-2,-2\r\n\'\uff0b1,"\'+1,2"\r\n');
});

test("places of a treemap are as large as their values, fill the whole and do not overlap", async () => {
  const { placesOf } = await source("parts/charts/tree_places.ts");
  for (const values of [[1], [5, 5], [60, 25, 8, 4, 2, 1], [9, ...Array(40).fill(0.1)], [1e9, 1, 1e-3], Array.from({ length: 60 }, (_, index) => 1.3 ** -index)])
    for (const [width, height] of [[100, 42], [100, 90], [30, 400]]) {
      const whole = values.reduce((sum, value) => sum + value, 0);

      const places = placesOf(values, width, height);

      assert.equal(places.length, values.length);
      places.forEach((place, index) => {
        const area = place.width * place.height;
        assert.ok(Math.abs(area / (width * height) - values[index] / whole) < 1e-9);
        assert.ok(place.x >= -1e-9 && place.y >= -1e-9 && place.x + place.width <= width + 1e-6 && place.y + place.height <= height + 1e-6);
        for (const other of places.slice(index + 1)) {
          const [wide, high] = [["x", "width"], ["y", "height"]].map(([from, size]) => Math.min(place[from] + place[size], other[from] + other[size]) - Math.max(place[from], other[from]));
          assert.ok(wide < 1e-6 || high < 1e-6, `${index} overlaps`);
        }
      });
    }
});

test("tiles of a cost add up to it, and small ones are taken together", async () => {
  const { tilesOf } = await source("pages/usage/tiles.ts");
  const parts = [0.1, 300, null, 20.02, 0, 0.2].map((value, index) => ({ key: String(index), label: `p${index}`, value }));

  const tiles = tilesOf(parts, 320.32);

  assert.deepEqual(tiles.map(({ label }) => label), ["p1", "p3", "2 others"]);
  assert.ok(Math.abs(tiles.reduce((sum, { value }) => sum + value, 0) - 320.32) < 1e-9);
  assert.equal(tilesOf(parts, 320.32, { all: 9 }).at(-1).label, "7 others");
});
