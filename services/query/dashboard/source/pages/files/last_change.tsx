/** Who touched it last, and why, in one glance. */

import type { Schemas } from "../../api/answers";
import { LineCounts } from "../../parts/text/line_counts";
import { Time } from "../../parts/time";
import { placeAddress } from "./change_groups";
import { historyAddress, isFolder, nameOf } from "./paths";

const VERBS = { created: "created", modified: "changed", deleted: "deleted" } as const;

export function LastChange({ change, path }: { change: Schemas["FileChange"]; path: string }) {
  const { prompt } = change;
  return (
    <section class="panel last-change" aria-label="The last change">
      <p>
        <b>{change.user ?? "Somebody"}</b>
        {change.agent_id && " (a subagent)"} {VERBS[change.action]}{" "}
        {isFolder(path) && change.file_path ? <a href={historyAddress(change.file_path, change.project_id)}>{nameOf(change.file_path)}</a> : "it"} last, <Time at={change.timestamp} relative />{" "}
        <LineCounts added={change.lines_added} removed={change.lines_removed} isEstimated={change.is_estimated} />
        {change.session_id && (
          <>
            {" "}
            in <a href={placeAddress(change.session_id, change.tool_call_id)}>{change.session_title ?? "a session without a title"}</a>
          </>
        )}
      </p>
      {prompt ? (
        <blockquote class="last-change-why">
          <a href={placeAddress(change.session_id ?? "", prompt.id)}>{prompt.text}</a>
          {prompt.left_out_characters > 0 && "…"}
        </blockquote>
      ) : (
        <p class="quiet">No prompt is known for this change.</p>
      )}
    </section>
  );
}
