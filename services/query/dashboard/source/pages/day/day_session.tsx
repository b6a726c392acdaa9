/** A session on the page of a day: when, its title, that day's numbers, what was asked and what came of it. */

import type { Schemas } from "../../api/answers";
import { askText, planOf } from "../../format/asks";
import { dayOf, weekdayText } from "../../format/days";
import { errorClassLabel } from "../../format/error_classes";
import { measure } from "../../format/measures";
import { personName, projectName } from "../../format/names";
import { count, minutes, moneyOf, plural } from "../../format/quantities";
import { clockText, exactTime } from "../../format/times";
import { LineCounts } from "../../parts/text/line_counts";
import { historyAddress, nameOf } from "../files/paths";
import { zone } from "../../address/range";

type Session = Schemas["DaySession"];

const MOST_ASKS = 3;
const MOST_FILES = 6;
const MOST_COMMITS = 6;

export function DaySession({ session, names }: { session: Session; names: { project: boolean; user: boolean } }) {
  const id = session.session_id;
  const title = session.title?.trim() || "Without a title";
  return (
    <li class="day-session">
      <time class="day-clock" dateTime={session.first_at} title={`${exactTime(session.first_at)}\nto ${exactTime(session.last_at)}`}>
        {clockText(session.first_at)}–{clockText(session.last_at)}
      </time>
      <div class="day-what">
        <h3>
          {id ? (
            <a class="day-title" href={`/sessions/${encodeURIComponent(id)}`} data-item>
              {title}
            </a>
          ) : (
            "A session"
          )}
        </h3>
        <p class="day-about">{facts(session, names).join(" · ")}</p>
        <Outcomes session={session} />
        <Asks session={session} />
        <Files session={session} />
      </div>
    </li>
  );
}

function facts(session: Session, names: { project: boolean; user: boolean }): string[] {
  const { share } = session;
  return [
    ...(names.project ? [projectName(session.project_id, session.project_name)] : []),
    ...(names.user ? [personName(session.user)] : []),
    minutes(share.active_minutes),
    ...(share.api_calls ? [measure("cost_usd").exact(moneyOf(share.cost_usd, share))] : []),
    plural(share.user_messages, "prompt"),
    ...(share.tool_errors ? [`${plural(share.tool_errors, "call")} failed`] : []),
    ...(session.began_before && session.start_time ? [`began ${weekdayText(dayOf(new Date(session.start_time), zone.value))}`] : []),
    ...(session.goes_on ? ["goes on after this day"] : []),
  ];
}

function Asks({ session }: { session: Session }) {
  const asks = session.asks.slice(0, MOST_ASKS).filter((ask) => ask.text);
  const titled = asks.findIndex((ask) => isTitle(ask.text, session.title));
  const others = asks.filter((_, index) => index !== titled);
  if (others.length === 0) return null;
  const more = session.share.user_messages - asks.length;
  return (
    <ul class="day-asks" aria-label="Prompts">
      {others.map((ask) => (
        <li key={ask.message_id}>
          <a href={`/sessions/${encodeURIComponent(session.session_id)}?at=${ask.message_id}`} title={exactTime(ask.timestamp)}>
            {askText(ask.text)}
          </a>
        </li>
      ))}
      {more > 0 && <li class="day-more">and {plural(more, "more prompt")}</li>}
    </ul>
  );
}

/** Whether the title says it already: whole, or cut, or as the heading of a plan. */
function isTitle(text: string, title: string | null): boolean {
  const [ask, start] = [planOf(text) ?? text, (title ?? "").replace(/…$/, "")].map((each) => each.replace(/\s+/g, " ").trim()) as [string, string];
  return start !== "" && (ask === start || (!!title?.endsWith("…") && ask.startsWith(start)));
}

function Outcomes({ session }: { session: Session }) {
  const { commits, pull_requests, failures, share } = session;
  const others = share.tool_errors - failures.reduce((sum, each) => sum + each.calls, 0);
  if (commits.length + pull_requests.length + failures.length === 0) return null;
  return (
    <ul class="day-outcomes" aria-label="What came of it">
      {commits.slice(0, MOST_COMMITS).map((commit, index) => (
        <li key={`${commit.hash} ${index}`} title={exactTime(commit.timestamp)}>
          <span class="badge is-good">commit</span> {commit.hash && <code>{commit.hash}</code>} {commit.subject}
        </li>
      ))}
      {commits.length > MOST_COMMITS && <li class="day-more">and {plural(commits.length - MOST_COMMITS, "more commit")}</li>}
      {pull_requests.map((request) => (
        <li key={request.url} title={exactTime(request.timestamp)}>
          <span class="badge is-good">pull request</span>{" "}
          <a href={request.url} target="_blank" rel="noreferrer noopener">
            {request.url?.replace(/^https?:\/\//, "")}
          </a>
        </li>
      ))}
      {failures.length > 0 && (
        <li>
          <span class="badge is-bad">failed</span>{" "}
          {failures.map((each) => `${each.tool_name}: ${errorClassLabel(each.error_class ?? "unclassified").toLowerCase()}${each.calls > 1 ? ` ×${count(each.calls)}` : ""}`).join(", ")}
          {others > 0 && `, and ${plural(others, "other call")}`}
        </li>
      )}
    </ul>
  );
}

function Files({ session }: { session: Session }) {
  const files = session.files.slice(0, MOST_FILES).filter((file) => file.file_path);
  if (files.length === 0) return null;
  const more = session.share.files_modified - files.length;
  return (
    <ul class="day-files" aria-label="Files">
      {files.map((file) => (
        <li key={file.file_path}>
          <a href={historyAddress(file.file_path ?? "", session.project_id)} title={file.file_path ?? undefined}>
            {nameOf(file.file_path ?? "")}
          </a>{" "}
          <LineCounts added={file.lines_added} removed={file.lines_removed} />
        </li>
      ))}
      {more > 0 && <li class="day-more">and {plural(more, "more file")}</li>}
    </ul>
  );
}
