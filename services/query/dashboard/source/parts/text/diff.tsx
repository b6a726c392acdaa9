/** A unified diff in colours, with the lines' numbers. A sign says too what was added and removed. */

import { useMemo, useState } from "preact/hooks";
import { plural } from "../../format/quantities";
import "./diff.css";
import { linesOf } from "./diff_lines";

const MOST_LINES = 120;
// So few lines are shown rather than hidden behind a button.
const SPARE_LINES = 20;

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
