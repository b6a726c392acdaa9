/** A tool call in one line: what, how it went, how long. Unfolded: its input, its diff and its result. */

import { memo } from "../../../parts/memo";
import { useEffect, useState } from "preact/hooks";
import { addressOf, Problem, send } from "../../../api/request";
import { errorClassLabel } from "../../../format/error_classes";
import { bytes, count, duration, plural } from "../../../format/quantities";
import { clockText, exactTime } from "../../../format/times";
import { Diff } from "../../../parts/text/diff";
import { CallInput } from "./call_input";
import { wordsToMark } from "../search/found_words";
import { type Call, smallDiff } from "./rows";
import { type Story, itemAddress, threadAddress, toggle, toggleThread } from "../timeline/story";
import { summaryOf, toolLabel, within } from "./tool_summary";

const STATES: Record<Call["result_status"], { sign: string; label: string; tone: string }> = {
  success: { sign: "✓", label: "succeeded", tone: "is-quiet" },
  error: { sign: "✕", label: "failed", tone: "is-bad" },
  timeout: { sign: "✕", label: "timed out", tone: "is-bad" },
  rejected: { sign: "⊘", label: "rejected", tone: "is-warn" },
  cancelled: { sign: "⊘", label: "cancelled", tone: "is-warn" },
  pending: { sign: "…", label: "no result yet", tone: "is-quiet" },
};

export const CallView = memo(function CallView({ story, item }: { story: Story; item: Call }) {
  const isOpen = story.opened.value.has(item.id);
  const { sign, label, tone } = STATES[item.result_status];
  const { tool, what, isCode, about } = summaryOf(item, story.projectPath.value);
  const failed = item.result_status === "error" || item.result_status === "timeout";
  const added = item.changes.reduce((sum, change) => sum + change.lines_added, 0);
  const removed = item.changes.reduce((sum, change) => sum + change.lines_removed, 0);
  const at = story.at.value;
  const diff = isOpen ? null : smallDiff(item);
  const isMarked = at === item.id || (at !== null && item.changes.some((change) => change.id === at));
  return (
    <div class={`call${failed ? " is-failed" : ""}${isMarked ? " is-marked" : ""}`}>
      <div class="call-line">
        <button type="button" class="call-fold" aria-expanded={isOpen} data-item onClick={() => toggle(story.opened, item.id)} title={about ?? undefined}>
          <span class={`call-state ${tone}`} role="img" aria-label={label} title={label}>
            {sign}
          </span>
          <span class="call-tool">{tool}</span>
          <span class={isCode ? "call-what is-code" : "call-what"}>{what}</span>
        </button>
        {item.changes.length > 0 && (
          <span class="call-lines">
            <span class="is-good">+{count(added)}</span> <span class="is-bad">−{count(removed)}</span>
          </span>
        )}
        {failed && item.error_class && <span class="badge is-bad">{errorClassLabel(item.error_class)}</span>}
        {(item.result_status === "rejected" || item.result_status === "cancelled" || item.result_status === "timeout") && <span class="badge is-warn">{label}</span>}
        <Took item={item} />
        <a class="item-link" href={itemAddress(item.id)} title={`${exactTime(item.timestamp)}\nA link to this call`}>
          {clockText(item.timestamp)}
        </a>
      </div>
      {failed && !isOpen && item.result && <p class="call-error">{errorLine(item.result.text)}</p>}
      {diff !== null && (
        <div class="call-diff">
          <Diff patch={diff} label={`Diff of ${what}`} />
        </div>
      )}
      {item.subagent && <SubagentLine story={story} subagent={item.subagent} />}
      {isOpen && <CallBody story={story} item={item} />}
    </div>
  );
});

/** How long it took; an estimate says so, and that a wait for permission is in it. */
function Took({ item }: { item: Call }) {
  if (item.execution_time_ms === null) return <span class="call-took" />;
  const isMeasured = item.duration_source === "reported";
  const waited = item.wait_ms !== null && item.wait_ms >= 1_000 ? ` It waited ${duration(item.wait_ms)} first, for instance for a permission.` : "";
  const title = isMeasured ? `Measured by Claude Code.${waited}` : `Estimated: the time between call and result, waiting for a permission included.${waited}`;
  return (
    <span class="call-took" title={title}>
      {isMeasured ? "" : "≈ "}
      {duration(item.execution_time_ms)}
    </span>
  );
}

/** The first line that says something: that with the exit code alone does not. */
function errorLine(text: string): string {
  const lines = text.split("\n").map((line) => line.trim()).filter(Boolean);
  const telling = lines.find((line) => !/^exit code \d+$/i.test(line)) ?? lines[0] ?? "";
  return telling.slice(0, 300);
}

export function SubagentLine({ story, subagent }: { story: Story; subagent: NonNullable<Call["subagent"]> }) {
  const isOpen = story.threads.value.has(subagent.agent_id);
  const took = subagent.first_time && subagent.last_time ? Date.parse(subagent.last_time) - Date.parse(subagent.first_time) : null;
  return (
    <div class="subagent">
      <button type="button" class="fold" aria-expanded={isOpen} disabled={subagent.items === 0} onClick={() => toggleThread(story, subagent.agent_id)}>
        <strong>Subagent</strong>
        <span>
          {subagent.items === 0 ? "nothing of it is stored" : `${plural(subagent.items, "item")}, ${plural(subagent.tool_calls, "call")}`}
          {took !== null && subagent.items > 0 && `, ${duration(took)}`}
          {subagent.tokens > 0 && `, ${subagent.cost_usd === null ? "not priced" : `$${subagent.cost_usd.toFixed(2)}`}`}
        </span>
      </button>
      {subagent.prompt && <span class="subagent-prompt">{subagent.prompt}</span>}
      {subagent.items > 0 && (
        <a class="item-link" href={threadAddress(subagent.agent_id)}>
          open by itself
        </a>
      )}
    </div>
  );
}

function CallBody({ story, item }: { story: Story; item: Call }) {
  return (
    <div class="call-body">
      {item.tool_name !== toolLabel(item.tool_name) && <p class="quiet">{item.tool_name}</p>}
      {(item.decision || item.is_sandboxed !== null) && <p class="quiet">{decisionText(item)}</p>}
      <CallInput call={item} />
      {item.changes.map((change) => (
        <ChangeBody key={change.id} change={change} projectPath={story.projectPath.value} />
      ))}
      <Result story={story} item={item} />
    </div>
  );
}

type Decided = NonNullable<Call["decision"]>;

const DECIDERS: Record<Decided["source"], string> = {
  rule: "by a rule of the settings",
  config: "by the settings",
  classifier: "by the classifier of auto mode",
  hook: "by a hook",
  user_temporary: "by the person, this once",
  user_permanent: "by the person, for good",
  user_reject: "by the person",
  user_abort: "by the person, with Esc",
  other: "",
};
const DECISIONS: Record<Decided["what"], string> = { accept: "Allowed", reject: "Refused", cancelled: "Cancelled", other: "Decided" };

/** "Allowed by the person, this once, after 2.1 s. Ran in a sandbox." */
function decisionText(item: Call): string {
  const { decision } = item;
  const waited = decision?.wait_ms ? `, after ${duration(decision.wait_ms)}` : "";
  const decided = decision ? `${DECISIONS[decision.what]} ${DECIDERS[decision.source]}`.trim() + `${waited}. ` : "";
  return `${decided}${item.is_sandboxed === null ? "" : item.is_sandboxed ? "Ran in a sandbox." : "Ran without a sandbox."}`;
}

export function ChangeBody({ change, projectPath }: { change: Call["changes"][number]; projectPath: string | null }) {
  const path = change.file_path ? within(change.file_path, projectPath) : "A file";
  return (
    <div class="call-change">
      <p class="call-change-head">
        <code>{path}</code>
        <span>
          {change.action} <span class="is-good">+{count(change.lines_added)}</span> <span class="is-bad">−{count(change.lines_removed)}</span>
          {change.is_estimated && " (lines estimated from the call)"}
        </span>
        {change.file_path && <a href={`/files?path=${encodeURIComponent(change.file_path)}`}>history</a>}
      </p>
      {change.patch ? <Diff patch={change.patch} leftOutLines={change.patch_left_out_lines} label={`Diff of ${path}`} /> : <p class="quiet">Its diff is not known.</p>}
    </div>
  );
}

function hasWord(text: string): boolean {
  return wordsToMark().some((word) => text.toLowerCase().includes(word.toLowerCase()));
}

function Result({ story, item }: { story: Story; item: Call }) {
  const [whole, setWhole] = useState<string | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const result = item.result;
  // What a search found may stand in the part that is left out.
  const isCut = story.at.value === item.id && result !== null && result.left_out_characters > 0;
  const isSought = isCut && wordsToMark().length > 0 && !hasWord(`${JSON.stringify(item.parameters)} ${result.text}`);
  useEffect(() => {
    if (isSought) void readWhole();
  }, [isSought]);
  if (!result) return <p class="quiet">{item.result_status === "pending" ? "There is no result yet." : "Its result is not stored."}</p>;

  async function readWhole(): Promise<void> {
    setProblem("Reading all of it …");
    try {
      setWhole(await (await send("GET", addressOf("/api/tool-calls/{call_id}/result", {}, { call_id: item.id }))).text());
      setProblem(null);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      setProblem(error.message);
    }
  }

  const cut = result.cut_at_character;
  return (
    <div class="result">
      <p class="result-head">Result</p>
      {whole !== null || cut === null ? (
        <pre class="result-text" tabIndex={0}>{whole ?? result.text}</pre>
      ) : (
        <pre class="result-text" tabIndex={0}>
          {result.text.slice(0, cut)}
          <span class="result-cut">{`\n… ${count(result.left_out_characters)} characters are left out here …\n`}</span>
          {result.text.slice(cut)}
        </pre>
      )}
      {result.media.map((media, index) => (
        <p key={index} class="quiet">
          {media.type}, {bytes(media.bytes)}: not stored here.
        </p>
      ))}
      {whole === null && result.left_out_characters > 0 && (
        <button type="button" class="button is-small" onClick={() => void readWhole()}>
          Show all
        </button>
      )}
      {problem && <p class="quiet" role="status">{problem}</p>}
    </div>
  );
}
