/** The last events, the newest first. The list is bounded, and so is its height. */

import type { ComponentChildren } from "preact";
import { zone } from "../../address/range";
import { seesTextsOfCounts } from "../../api/identity";
import { projectName } from "../../format/names";
import { duration } from "../../format/quantities";
import { clockText, exactTime } from "../../format/times";
import terms from "../../format/terms";
import { Panel } from "../../parts/panel";
import { FEED_KEPT, type FeedEntry, type LiveItem } from "./live_board";
import type { Live } from "./use_live";

const KINDS: Record<string, [label: string, tone: string]> = {
  session_started: ["started", "is-accent"],
  session_reopened: ["went on", "is-accent"],
  session_ended: ["ended", ""],
  prompt: ["prompt", "is-accent"],
  reply: ["answer", ""],
  tool_started: ["runs", ""],
  tool_finished: ["ran", ""],
  file_changed: ["file", ""],
  waiting: ["waits", "is-warn"],
};

const WAITS: Record<string, string> = terms.waits;

export function Feed({ live, now }: { live: Live; now: number }) {
  void live.version.value;
  const feed = live.board.feed;
  return (
    <Panel title="Last events" about={`the newest ${FEED_KEPT}, times in ${zone.value}`} class="feed-panel">
      {feed.length === 0 ? (
        <p class="feed-nothing">
          {live.listed.value === null ? (live.problem.value ? "Not known." : "Connecting …") : "Nothing has happened lately. New events show here by themselves; what you import does not."}
        </p>
      ) : (
        <ol class="feed" tabIndex={0} aria-label="Last events">
          {feed.map((entry) => (
            <Entry key={entry.id} entry={entry} isNew={isNew(entry.item, now)} />
          ))}
        </ol>
      )}
    </Panel>
  );
}

const NEW_MS = 4_000;

function isNew(item: LiveItem, now: number): boolean {
  return item.timestamp !== undefined && now - Date.parse(item.timestamp) < NEW_MS;
}

function Entry({ entry: { item }, isNew }: { entry: FeedEntry; isNew: boolean }) {
  const [label, tone] = KINDS[item.kind] ?? [item.kind.replaceAll("_", " "), ""];
  const isFailed = item.result_status === "error" || item.result_status === "timeout" || item.reason === "error";
  const row = (
    <>
      <time dateTime={item.timestamp} title={exactTime(item.timestamp)}>
        {clockText(item.timestamp, true)}
      </time>
      <span class={`badge ${isFailed ? "is-bad" : tone}`}>{label}</span>
      <span class="feed-who">{[item.project_name && projectName(item.project_id, item.project_name), item.user].filter(Boolean).join(" · ")}</span>
      <span class="feed-what">{what(item)}</span>
    </>
  );
  return (
    <li class={isNew ? "feed-row is-new" : "feed-row"} data-kind={item.kind}>
      {item.session_id ? (
        <a data-item href={`/sessions/${encodeURIComponent(item.session_id)}`}>
          {row}
        </a>
      ) : (
        <span class="feed-line">{row}</span>
      )}
    </li>
  );
}

function what(item: LiveItem): ComponentChildren {
  switch (item.kind) {
    case "prompt":
    case "reply":
      return item.content ?? (seesTextsOfCounts.value ? "" : (item.model ?? ""));
    case "tool_started":
      return [item.tool_name, item.running_tool === item.tool_name && item.running_input].filter(Boolean).join(" ");
    case "tool_finished": {
      const took = item.execution_time_ms === undefined ? "" : ` · ${duration(item.execution_time_ms)}`;
      const status = item.result_status === undefined || item.result_status === "success" ? "" : ` · ${item.result_status}`;
      return `${item.tool_name ?? "a tool"}${status}${took}`;
    }
    case "file_changed": {
      const lines = [item.lines_added ? `+${item.lines_added}` : "", item.lines_removed ? `−${item.lines_removed}` : ""].filter(Boolean).join(" ");
      return `${item.action ?? "changed"} ${item.file_path ?? ""} ${lines}`;
    }
    case "waiting":
      return [WAITS[item.reason ?? ""], item.error ?? [item.running_tool, item.running_input].filter(Boolean).join(" ")].filter(Boolean).join(": ");
    case "session_ended":
      return [item.title ?? "a session", item.reason && `(${item.reason})`].filter(Boolean).join(" ");
    default:
      return item.title ?? "a session";
  }
}
