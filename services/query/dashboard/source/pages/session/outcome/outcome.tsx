/** What came of a session, before its conversation: the ask, the last answer, commits, tests, files, failures, its cost and its days. */

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { zone } from "../../../address/range";
import { withParameters } from "../../../address/address";
import type { Schemas } from "../../../api/answers";
import { weekdayText } from "../../../format/days";
import { errorClassLabel } from "../../../format/error_classes";
import { measure } from "../../../format/measures";
import { count, minutes, moneyOf, plural, withUnit } from "../../../format/quantities";
import { exactTime, timeText } from "../../../format/times";
import { Table } from "../../../parts/tables/table";
import { LineCounts } from "../../../parts/text/line_counts";
import { Markdown } from "../../../parts/text/markdown";
import { quoted } from "../../../search/query_keys";
import { toolLabel, within } from "../rows/tool_summary";
import { type Turn, itemAddress } from "../timeline/story";
import { Rework } from "./rework";
import { SessionCost } from "./session_cost";
import "./outcome.css";

type Outcome = Schemas["SessionOutcome"];

// What does not fit is unfolded on a click.
const MOST_COMMITS = 5;
const MOST_TESTS = 3;
const MOST_FILES = 10;
// A longer list of days is unfolded on a click.
const MOST_DAYS_OPEN = 4;

/** What came of it, in the words of the line that unfolds it. */
export function essence(of: Outcome): string {
  const [test] = of.tests;
  const failed = of.failures.reduce((sum, failure) => sum + failure.calls, 0);
  const made = [
    of.commits.length && plural(of.commits.length, "commit"),
    of.pull_requests.length && plural(of.pull_requests.length, "pull request"),
    of.files.length && plural(of.files.length + of.files_left_out, "file"),
    test && test.last_result !== "unknown" && `last tests ${test.last_result}`,
    failed && `${plural(failed, "call")} failed`,
  ].filter(Boolean);
  const more = [of.cost.api_calls > 0 && `why it cost ${measure("cost_usd").short(of.cost.cost_usd)}`, of.days.length > 1 && plural(of.days.length + of.days_left_out, "day")];
  return [...(made.length > 0 ? made : ["nothing was changed, committed or tested"]), ...more].filter(Boolean).join(" · ");
}

interface Props {
  session: Schemas["Session"];
  data: Outcome;
  turns: readonly Turn[];
  projectPath: string | null;
}

export function SessionOutcome({ session, data, turns, projectPath }: Props) {
  const ask = data.ask && !isTitle(data.ask.text, session.title) ? data.ask : null;
  const hasSaid = ask !== null || data.answer !== null;
  const hasMade = data.commits.length + data.pull_requests.length + data.tests.length + data.files.length + data.failures.length > 0;
  if (!hasSaid && !hasMade && data.cost.api_calls === 0) return null;
  return (
    <section class="outcome" aria-label="What came of it">
      {hasSaid && (
        <div class="outcome-said">
          {ask && (
            <Said title="Asked" of={ask}>
              <p class="outcome-ask">{ask.text.replace(/\n\s*\n/g, "\n")}</p>
            </Said>
          )}
          {data.answer && (
            <Said title={session.status === "open" ? "Answered last" : "Answered"} of={data.answer}>
              <Markdown text={data.answer.text} />
            </Said>
          )}
        </div>
      )}
      {hasMade ? <Made of={data} projectPath={projectPath} /> : <p class="quiet">No file was changed, nothing was committed, and no test ran.</p>}
      {data.cost.api_calls > 0 && <SessionCost cost={data.cost} session={session} turns={turns} />}
      {data.files.length > 0 && turns.length > 1 && <Rework sessionId={session.session_id} commits={data.commits} turns={turns} projectPath={projectPath} />}
      {data.days.length > 1 && <Days of={data} />}
    </section>
  );
}

/** Whether a session is called by its ask: then the heading has it already. */
function isTitle(ask: string, title: string | null): boolean {
  const plain = (text: string) => text.replace(/\s+/g, " ").trim();
  return plain(ask) === plain(title ?? "");
}

function Said({ title, of, children }: { title: string; of: Schemas["OutcomeText"]; children: ComponentChildren }) {
  const href = itemAddress(of.item_id);
  return (
    <div class="outcome-text">
      <p class="outcome-label">
        <a href={href} title={`${exactTime(of.timestamp)}\nTo this place of the conversation`}>
          {title}
        </a>{" "}
        <span class="quiet">{timeText(of.timestamp)}</span>
      </p>
      {children}
      {of.is_cut && <a href={href}>Read on</a>}
    </div>
  );
}

function Made({ of, projectPath }: { of: Outcome; projectPath: string | null }) {
  const { commits, pull_requests, tests, files, failures } = of;
  return (
    <dl class="outcome-facts">
      <Fact label="Commits" items={commits} most={MOST_COMMITS}>
        {(commit) => (
          <span title={exactTime(commit.timestamp)}>
            {commit.hash && <code>{commit.hash}</code>} {commit.subject}
          </span>
        )}
      </Fact>
      <Fact label="Pull requests" items={pull_requests} most={MOST_COMMITS}>
        {(request) => (
          <a href={request.url} title={exactTime(request.timestamp)} target="_blank" rel="noreferrer noopener">
            {request.url.replace(/^https?:\/\//, "")}
          </a>
        )}
      </Fact>
      <Fact label="Tests" items={tests} most={MOST_TESTS} leftOut={of.tests_left_out}>
        {(test) => <TestRun test={test} />}
      </Fact>
      <Fact label="Files" items={files} most={MOST_FILES} leftOut={of.files_left_out} isFlowing>
        {(file) => (
          <>
            <a href={placeOf(file, file.file_path && `file:${quoted(file.file_path)}`)} title={`${file.file_path ?? ""}\n${plural(file.changes, "change")}; to the last one, and from there to all calls with this file`}>
              <code>{file.file_path ? shortPath(file.file_path, projectPath) : "A file without a name"}</code>
            </a>{" "}
            <LineCounts added={file.lines_added} removed={file.lines_removed} />
          </>
        )}
      </Fact>
      <Fact label="Failed" items={failures} most={MOST_FILES} leftOut={of.failures_left_out} isFlowing>
        {(failure) => (
          <a href={placeOf(failure)} title="To the last of these calls">
            {toolLabel(failure.tool_name)}: {errorClassLabel(failure.error_class ?? "unclassified").toLowerCase()}
            {failure.calls > 1 && ` ×${count(failure.calls)}`}
          </a>
        )}
      </Fact>
    </dl>
  );
}

/** As it stands in the project; of one that is elsewhere, the last parts. */
export function shortPath(path: string, projectPath: string | null): string {
  const inProject = within(path, projectPath);
  return inProject === path ? path.replace(/^.*[\\/](?=([^\\/]+[\\/]){2}[^\\/]+$)/, "…/") : inProject;
}

/** The address of a call, also of one in a subagent, whose own timeline has it. `q` is a search whose hits one goes through from there. */
function placeOf({ last_item_id, last_agent_id }: { last_item_id: string; last_agent_id: string | null }, q: string | null = null): string {
  return withParameters({ at: last_item_id, thread: last_agent_id, ...(q && { q }) });
}

interface FactProps<Item> {
  label: string;
  items: readonly Item[];
  most: number;
  /** How many more there are than `items` has. */
  leftOut?: number;
  /** Short ones stand side by side. */
  isFlowing?: boolean;
  children: (item: Item) => ComponentChildren;
}

/** One kind of what came of it. More than `most` are unfolded on a click. */
function Fact<Item>({ label, items, most, leftOut = 0, isFlowing = false, children }: FactProps<Item>) {
  const [isWhole, setWhole] = useState(false);
  if (items.length === 0) return null;
  const hidden = isWhole ? 0 : Math.max(0, items.length - most);
  return (
    <div>
      <dt>{label}</dt>
      <dd>
        <ul class={isFlowing ? "outcome-list is-flowing" : "outcome-list"}>
          {items.slice(0, items.length - hidden).map((item, index) => (
            <li key={index}>{children(item)}</li>
          ))}
          {hidden > 0 && (
            <li>
              <button type="button" class="button is-small" onClick={() => setWhole(true)}>
                {count(hidden + leftOut)} more
              </button>
            </li>
          )}
          {hidden === 0 && leftOut > 0 && <li class="quiet">and {count(leftOut)} more</li>}
        </ul>
      </dd>
    </div>
  );
}

function TestRun({ test }: { test: Schemas["RanTests"] }) {
  const { runs, failed_runs, last_result } = test;
  const failedBefore = failed_runs - (last_result === "failed" ? 1 : 0);
  const numbers = [test.failed ? `${count(test.failed)} failed` : "", test.passed ? `${count(test.passed)} passed` : ""].filter(Boolean).join(", ");
  const [tone, sign, word] = { passed: ["is-good", "✓", "passed"], failed: ["is-bad", "✕", "failed"], unknown: ["quiet", "?", "nothing says how it ended"] }[last_result] as [string, string, string];
  return (
    <span class="test-run">
      <a href={placeOf(test)} title={`${test.command}\n${exactTime(test.last_at)}\nTo its last run`}>
        <code>{test.command}</code>
      </a>
      <span>
        <span class={tone}>
          <span aria-hidden="true">{sign}</span> {numbers || word}
        </span>
        {runs > 1 && <span class="quiet">, the last of {count(runs)} runs{failedBefore > 0 && `; ${count(failedBefore)} failed before`}</span>}
      </span>
    </span>
  );
}

function Days({ of: { cost, days, days_left_out } }: { of: Outcome }) {
  const longest = days.reduce((most, day) => (day.active_minutes > most.active_minutes ? day : most));
  return (
    <details class="outcome-fold" open={days.length <= MOST_DAYS_OPEN}>
      <summary>
        <strong>{plural(days.length + days_left_out, "day")}</strong>, most of it on {weekdayText(longest.date)}
      </summary>
      <Table
        caption={`Days of the session, in ${zone.value}`}
        keyOf={(day) => day.date}
        rows={days}
        columns={[
          { title: "Day", cell: (day) => <a href={`/days/${day.date}`}>{weekdayText(day.date)}</a>, sortBy: (day) => day.date },
          { title: "Go to", cell: (day) => day.first_item_id && <a href={itemAddress(day.first_item_id)}>its start</a> },
          { title: measure("active_minutes").label, csvTitle: withUnit(measure("active_minutes").label, minutes), isNumber: true, cell: (day) => minutes(day.active_minutes), sortBy: (day) => day.active_minutes },
          { title: "Asks", isNumber: true, isMinor: true, cell: (day) => count(day.asks) },
          { title: "Calls", isNumber: true, isMinor: true, cell: (day) => count(day.tool_calls) },
          { title: "Cost", csvTitle: "Cost (USD)", isNumber: true, cell: (day) => measure("cost_usd").short(moneyOf(day.cost_usd, cost)), sortBy: (day) => day.cost_usd },
        ]}
      />
      {days_left_out > 0 && <p class="quiet">and {plural(days_left_out, "later day")}</p>}
    </details>
  );
}
