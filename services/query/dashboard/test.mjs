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
for (const { name, steps, open, events } of board.cases)
  test(`on the live board, ${name}`, () => {
    const live = new LiveBoard();

    for (const step of steps) {
      if (step.rows) live.read(step.rows.map((row) => ({ ...board.row, ...row })), step.last_event_id);
      else live.take(step.id, { ...board.item, ...step.item });
    }

    const shown = Object.fromEntries(live.openSessions.map((session) => [session.id, session]));
    assert.deepEqual(Object.keys(shown).sort(), Object.keys(open).sort());
    for (const [id, told] of Object.entries(open)) for (const field of Object.keys(told)) assert.equal(shown[id][field], told[field], `${id}: ${field}`);
    assert.deepEqual(live.feed.map(({ item }) => item.kind).reverse(), events);
  });

const numbered = (patch) => linesOf(patch).map(({ kind, before, after, text }) => [kind, before, after, text]);

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

test("sums of groups tell nothing from what is not known", async () => {
  const { sumOf } = await source("pages/usage/dimensions.ts");
  assert.equal(sumOf([undefined, undefined]), undefined);
  assert.equal(sumOf([undefined, null]), null);
  assert.equal(sumOf([null, 2, undefined, 3]), 5);
});

test("CSV is quoted where it must be, and runs no formula", async () => {
  const { csvOf } = await source("parts/tables/csv.ts");
  assert.equal(csvOf([["a", "b"], [1.5, null], ["x,y", 'a "b"'], ["=1+1", "two\nlines"], ["-2", -2], ["\uff0b1", "+1,2"]]), 'a,b\r\n1.5,\r\n"x,y","a ""b"""\r\n\'=1+1,"two\nlines"\r\n\'-2,-2\r\n\'\uff0b1,"\'+1,2"\r\n');
});
