/** A unified diff in colours, with the lines' numbers. A sign says too what was added and removed. */

import { useMemo, useState } from "preact/hooks";
import { plural } from "../format/quantities";
import "./diff.css";

interface Line {
  kind: "added" | "removed" | "same" | "place";
  before: number | null;
  after: number | null;
  text: string;
}

const MOST_LINES = 120;
// So few lines are shown rather than hidden behind a button.
const SPARE_LINES = 20;

/** The lines of a patch without a head, as the API has it. */
export function linesOf(patch: string): Line[] {
  let before = 0;
  let after = 0;
  const lines = patch.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines.map((line): Line => {
    const place = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@/.exec(line);
    if (place) {
      before = Number(place[1]);
      after = Number(place[2]);
      return { kind: "place", before: null, after: null, text: line };
    }
    const text = line.slice(1);
    if (line.startsWith("+")) return { kind: "added", before: null, after: after++, text };
    if (line.startsWith("-")) return { kind: "removed", before: before++, after: null, text };
    if (line.startsWith("\\")) return { kind: "place", before: null, after: null, text: line };
    return { kind: "same", before: before++, after: after++, text };
  });
}

const SIGNS = { added: "+", removed: "−", same: " ", place: "" } as const;

export function Diff({ patch, leftOutLines = 0, label }: { patch: string; leftOutLines?: number; label: string }) {
  const lines = useMemo(() => linesOf(patch), [patch]);
  const [isWhole, setWhole] = useState(false);
  const shown = isWhole || lines.length <= MOST_LINES + SPARE_LINES ? lines : lines.slice(0, MOST_LINES);
  return (
    <div class="diff" role="region" aria-label={label} tabIndex={0}>
      <div class="diff-lines">
        {shown.map((line, index) => (
          <div key={index} class={`diff-line is-${line.kind}`} data-before={line.before ?? ""} data-after={line.after ?? ""}>
            {SIGNS[line.kind]}
            {line.text}
          </div>
        ))}
      </div>
      {shown.length < lines.length && (
        <button type="button" class="button is-small diff-more" onClick={() => setWhole(true)}>
          Show {plural(lines.length - shown.length, "more line")}
        </button>
      )}
      {leftOutLines > 0 && <p class="diff-left-out">{plural(leftOutLines, "line")} at the end of this diff are not stored.</p>}
    </div>
  );
}
