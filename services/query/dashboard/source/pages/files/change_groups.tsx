/** Changes, newest first, below the prompt that led to them. */

import { useState } from "preact/hooks";
import type { Schemas } from "../../api/answers";
import { projectName } from "../../format/names";
import { Diff } from "../../parts/text/diff";
import { LineCounts } from "../../parts/text/line_counts";
import { Time } from "../../parts/time";
import { historyAddress, isFolder } from "./paths";

type Change = Schemas["FileChange"];

/** A place in a session. */
export function placeAddress(sessionId: string, itemId: string | null | undefined): string {
  const session = `/sessions/${encodeURIComponent(sessionId)}`;
  return itemId ? `${session}?${new URLSearchParams({ at: itemId })}` : session;
}

export function ChangeGroups({ changes, path }: { changes: readonly Change[]; path: string }) {
  return (
    <ol class="change-groups" aria-label="Changes, newest first">
      {groupsOf(changes).map((group) => (
        <Group key={group[0]?.id} changes={group} path={path} />
      ))}
    </ol>
  );
}

/** Changes next to each other with one prompt, or of one session without any. */
function groupsOf(changes: readonly Change[]): Change[][] {
  const groups: Change[][] = [];
  for (const change of changes) {
    const before = groups.at(-1)?.[0];
    if (before && before.session_id === change.session_id && before.prompt?.id === change.prompt?.id) groups.at(-1)?.push(change);
    else groups.push([change]);
  }
  return groups;
}

function Group({ changes, path }: { changes: Change[]; path: string }) {
  const [newest] = changes;
  if (!newest) return null;
  const { prompt, session_id: sessionId } = newest;
  const machines = newest.machines.map((machine) => machine.name ?? machine.machine_id);
  return (
    <li class="panel change-group">
      <header class="change-head">
        <b>{newest.user ?? "Somebody"}</b>
        {machines.length > 0 && <span class="quiet">on {machines.join(", ")}</span>}
        {sessionId && (
          <a class="change-session" href={placeAddress(sessionId, null)}>
            {newest.session_title ?? "A session without a title"}
          </a>
        )}
        {newest.project_name && <span class="quiet change-project">{projectName(newest.project_id, newest.project_name)}</span>}
      </header>
      {prompt ? <Prompt prompt={prompt} sessionId={sessionId ?? ""} /> : <p class="quiet">No prompt is known for this change.</p>}
      <ol class="changes">
        {changes.map((change) => (
          <ChangeLine key={change.id} change={change} path={path} />
        ))}
      </ol>
    </li>
  );
}

function Prompt({ prompt, sessionId }: { prompt: NonNullable<Change["prompt"]>; sessionId: string }) {
  return (
    <p class="change-prompt">
      <a href={placeAddress(sessionId, prompt.id)} data-item title="Go to this prompt in its session">
        {prompt.text}
        {prompt.left_out_characters > 0 && "…"}
      </a>
    </p>
  );
}

function ChangeLine({ change, path }: { change: Change; path: string }) {
  const [isOpen, setOpen] = useState(false);
  const prefix = path.replace(/\*$/, "");
  const filePath = change.file_path ?? "";
  const shown = filePath.startsWith(prefix) ? filePath.slice(prefix.length) : filePath;
  return (
    <li class="change">
      <div class="change-line">
        {change.patch === null ? (
          <span class="change-toggle quiet" title="An older tracker read this transcript, and kept no diffs. Run tracker reparse to get them.">
            no diff
          </span>
        ) : (
          <button type="button" class="button is-small change-toggle" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
            Diff
          </button>
        )}
        <Time at={change.timestamp} />
        <span class={`badge is-${change.action}`}>{change.action}</span>
        <LineCounts added={change.lines_added} removed={change.lines_removed} isEstimated={change.is_estimated} />
        {change.agent_id && <span class="badge">subagent</span>}
        {isFolder(path) && (
          <a class="change-path" href={historyAddress(filePath, change.project_id)}>
            {shown}
          </a>
        )}
        {change.session_id && change.tool_call_id && (
          <a class="change-link" href={placeAddress(change.session_id, change.tool_call_id)}>
            in the session
          </a>
        )}
      </div>
      {isOpen && change.patch !== null && <Diff patch={change.patch} leftOutLines={change.patch_left_out_lines} label={`Diff of ${filePath}`} />}
    </li>
  );
}
