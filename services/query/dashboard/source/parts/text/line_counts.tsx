/** Lines that a change added and removed. */

import { compact, count } from "../../format/quantities";

export function LineCounts({ added, removed, isEstimated = false }: { added: number; removed: number; isEstimated?: boolean }) {
  const exact = `${count(added)} lines added, ${count(removed)} removed${isEstimated ? "; estimated from the tool call" : ""}`;
  return (
    <span class="lines" title={exact}>
      {isEstimated && "about "}
      <span class="is-good">+{compact(added)}</span> <span class="is-bad">−{compact(removed)}</span>
    </span>
  );
}
