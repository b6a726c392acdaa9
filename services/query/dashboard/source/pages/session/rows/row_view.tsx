/** One row of the conversation. */

import { memo } from "../../../parts/memo";
import { count, duration, plural } from "../../../format/quantities";
import { clockText } from "../../../format/times";
import { ProblemNote } from "../../../parts/notes/problem_note";
import { CallView, ChangeBody, SubagentLine } from "./call_view";
import { DayView, EntryView, SeparatorView } from "./entry_view";
import { MessageView } from "./message_view";
import type { Call, Row } from "./rows";
import { type Story, readThread, toggle, toggleThread } from "../timeline/story";
import { toolLabel } from "./tool_summary";

// Names of tools in the line that sums up a run.
const MOST_TOOLS = 5;

export function RowView({ story, row }: { story: Story; row: Row }) {
  const content = contentOf(story, row);
  return row.depth === 0 ? content : <div class={`nested is-${Math.min(row.depth, 4)}`}>{content}</div>;
}

function contentOf(story: Story, row: Row) {
  switch (row.kind) {
    case "message":
      return <MessageView story={story} item={row.item} depth={row.depth} />;
    case "call":
      return <CallView story={story} item={row.item} />;
    case "run":
      return <RunView story={story} calls={row.calls} isOpen={row.isOpen} hidden={row.hidden} />;
    case "entry":
      return <EntryView story={story} item={row.item} />;
    case "separator":
      return <SeparatorView story={story} item={row.item} worked={row.worked} />;
    case "day":
      return <DayView at={row.item.timestamp} />;
    case "change":
      return (
        <div class="call-body">
          <ChangeBody change={row.item} projectPath={story.projectPath.value} />
        </div>
      );
    case "subagent":
      return (
        <div class="call" title={`Started at ${clockText(row.item.timestamp)}; the call that started it is not known.`}>
          <SubagentLine story={story} subagent={row.item.subagent} />
        </div>
      );
    case "thread_end":
      return <ThreadEnd story={story} agentId={row.agentId} />;
  }
}

/** Calls that follow each other, summed up. */
const RunView = memo(function RunView({ story, calls, isOpen, hidden }: { story: Story; calls: Call[]; isOpen: boolean; hidden: number }) {
  const tools = new Map<string, number>();
  for (const call of calls) tools.set(toolLabel(call.tool_name), (tools.get(toolLabel(call.tool_name)) ?? 0) + 1);
  const byCount = [...tools].sort((a, b) => b[1] - a[1]);
  const failed = calls.filter((call) => call.result_status === "error" || call.result_status === "timeout").length;
  const took = calls.reduce((sum, call) => sum + (call.execution_time_ms ?? 0), 0);
  const text = (
    <>
      <strong>{plural(calls.length, "tool call")}</strong>
      <span>
        {byCount.slice(0, MOST_TOOLS).map(([tool, calls]) => `${tool} ${count(calls)}`).join(", ")}
        {byCount.length > MOST_TOOLS && ` and ${plural(byCount.length - MOST_TOOLS, "other tool")}`}
      </span>
      {failed > 0 && <span class="is-bad">{count(failed)} failed</span>}
      <span title="The durations of all calls together. Calls that ran at the same time count each.">{duration(took)}</span>
    </>
  );
  if (isOpen && hidden === 0 && calls.length <= 8) return <div class="run">{text}</div>;
  return (
    <button type="button" class="run fold" aria-expanded={isOpen} onClick={() => toggle(story.runs, ...(isOpen ? calls.map((call) => call.id) : [(calls[0] as Call).id]))}>
      {text}
      {hidden > 0 && <span class="run-hidden">{hidden === calls.length ? "show" : `show ${count(hidden)} more`}</span>}
    </button>
  );
});

function ThreadEnd({ story, agentId }: { story: Story; agentId: string }) {
  const thread = story.threads.value.get(agentId);
  if (!thread) return null;
  if (thread.problem) return <ProblemNote problem={thread.problem} again={() => void readThread(story, agentId)} />;
  if (thread.isReading) return <p class="thread-end quiet">Reading what the subagent did …</p>;
  return (
    <p class="thread-end quiet">
      {thread.cursor !== null ? (
        <button type="button" class="button is-small" onClick={() => void readThread(story, agentId)}>
          Show more of its {count(thread.total)} items
        </button>
      ) : (
        "End of the subagent"
      )}
      <button type="button" class="button is-small is-quiet" onClick={() => toggleThread(story, agentId)}>
        Close
      </button>
    </p>
  );
}
