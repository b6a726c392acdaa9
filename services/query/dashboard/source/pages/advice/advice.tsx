/** What cost much, and what to do about it: a panel for each kind of advice, the dearest first; then how work went by model, and around a day. */

import { go, parameter, withParameters } from "../../address/address";
import { rangeAddress } from "../../address/range";
import { rangeQuery } from "../../address/filters";
import type { Schemas } from "../../api/answers";
import { useRead } from "../../api/use_read";
import { dayText, isDay } from "../../format/days";
import { modelName } from "../../format/names";
import { cost, count, moneyOf, percent, plural } from "../../format/quantities";
import { EmptyNote } from "../../parts/notes/empty_note";
import { Loaded, Panel } from "../../parts/panel";
import { StatsPage } from "../../parts/stats/stats_page";
import { Table } from "../../parts/tables/table";
import { CopyText } from "../../parts/text/copy_text";
import "./advice.css";

type Kind = Schemas["AdviceKind"];
type Line = Schemas["AdviceLine"];
type Measures = Schemas["EffortMeasures"];

const LINES = 3;
const ALL = 100;

export default function Advice() {
  const chosen = parameter("split");
  const split = chosen && isDay(chosen) ? chosen : undefined;
  const all = parameter("all");
  const reading = useRead("/api/advice", { ...rangeQuery(), lines: all ? ALL : LINES, split });
  return (
    <StatsPage title="What to do" about="by rules, from what is stored" filters={["project", "user", "machine"]} without="nothing to advise on">
      <Loaded reading={reading} what="what cost much" height={600}>
        {({ kinds, models, sessions, sessions_left_out, split: sides }) => (
          <div class="grid">
            {sessions_left_out > 0 && (
              <p class="note">
                These are the newest {plural(sessions, "session")}. {plural(sessions_left_out, "older one")} of the range would take too long: choose a shorter range to see them.
              </p>
            )}
            {kinds.length === 0 && (
              <EmptyNote title={`Nothing to advise: ${sessions ? "no pause outlived the cache, no command failed again and again." : "no session in these days."}`}>
                <a href={rangeAddress("all")}>Look at all days</a>
              </EmptyNote>
            )}
            {kinds.map((kind) => (
              <KindPanel key={kind.kind} kind={kind} isAll={all === kind.kind} />
            ))}
            {models.length > 0 && (
              <Panel title="How work went by model" about="sessions and subagents in which one model alone answered; different work was done, so it proves nothing">
                <MeasuresTable caption="By model" rows={models} name={modelName} />
              </Panel>
            )}
            {sessions > 0 && (
              <Panel
                title="Before and after a day"
                about="a new CLAUDE.md, a skill, a setting; different work was done, so it proves nothing"
                actions={
                  <label>
                    The day it changed{" "}
                    <input type="date" value={split ?? ""} onChange={(event) => go(withParameters({ split: event.currentTarget.value || null }))} />
                  </label>
                }
              >
                {split ? <MeasuresTable caption="Before and after" rows={sides} name={(name) => `${name === "before" ? "before" : "from"} ${dayText(split)}${name === "before" ? "" : " on"}`} /> : <p class="quiet">Choose the day to compare failures, retries and the cost of an edit.</p>}
              </Panel>
            )}
          </div>
        )}
      </Loaded>
    </StatsPage>
  );
}

function KindPanel({ kind, isAll }: { kind: Kind; isAll: boolean }) {
  const lines = isAll ? kind.lines : kind.lines.slice(0, LINES);
  const more = kind.lines.length - lines.length + kind.lines_left_out;
  const amount = plural(kind.amount, kind.unit.slice(0, -1), kind.unit);
  return (
    <Panel title={kind.heading} about={kind.cost_usd === null ? amount : `${kind.is_estimated ? "≈ " : ""}${cost(kind.cost_usd)}, ${amount}`}>
      <p>{kind.act}</p>
      <ul class="advice-lines">
        {lines.map((line, index) => (
          <LineRow key={index} line={line} />
        ))}
      </ul>
      <p class="note-small">
        {more > 0 && <a href={withParameters({ all: kind.kind })}>{plural(more, "more line")}</a>}
        <span>
          {kind.counted}
          {kind.is_estimated && " ≈ is the price of an average call of the session, for each of these calls."}
        </span>
      </p>
    </Panel>
  );
}

function LineRow({ line }: { line: Line }) {
  const more = line.sessions - line.examples.length;
  return (
    <li>
      <div>
        {line.subject && <code>{line.subject}</code>}
        <span>{line.sentence}</span>
        {line.failed_command && (
          <span>
            Failed: <code>{line.failed_command}</code>
          </span>
        )}
        {line.fix && (
          <span>
            {line.failed_command && "Worked: "}
            <CopyText text={line.fix} />
          </span>
        )}
      </div>
      <ul>
        {line.examples.map((session) => (
          <li key={session.session_id}>
            <a title={session.title ?? undefined} href={`/sessions/${encodeURIComponent(session.session_id)}${session.item_id ? `?at=${session.item_id}` : ""}`} data-item>
              {session.title ?? session.session_id}
            </a>
            {session.cost_usd !== null && <span class="quiet">{cost(session.cost_usd)}</span>}
          </li>
        ))}
        {more > 0 && <li class="quiet">{line.examples.length ? plural(more, "more session") : plural(more, "session")}</li>}
      </ul>
    </li>
  );
}

function MeasuresTable({ caption, rows, name }: { caption: string; rows: readonly Measures[]; name: (name: string) => string }) {
  const share = (part: number, whole: number) => percent(whole ? part / whole : null);
  return (
    <Table
      caption={caption}
      rows={rows}
      keyOf={(row) => row.of}
      columns={[
        { title: "", cell: (row) => name(row.of), csvTitle: "Of" },
        { title: "Sessions", isNumber: true, isMinor: true, cell: (row) => count(row.sessions) },
        { title: "Cost", isNumber: true, isMinor: true, cell: (row) => cost(moneyOf(row.cost_usd, row)) },
        { title: "Calls of tools", isNumber: true, isMinor: true, cell: (row) => count(row.tool_calls) },
        { title: "Failed", isNumber: true, cell: (row) => share(row.failed_calls, row.tool_calls) },
        { title: "Edits", isNumber: true, cell: (row) => count(row.edits) },
        { title: <span title="Edits that worked, where the edit of the same file before had not failed.">At first try</span>, isNumber: true, cell: (row) => share(row.first_tries, row.edits) },
        { title: <span title="Calls that repeat a failed call of the same tool with the same parameters.">Retries</span>, isNumber: true, cell: (row) => count(row.retries) },
        { title: <span title="What the sessions and subagents that edited cost, by edit.">Cost an edit</span>, isNumber: true, cell: (row) => cost(row.cost_per_edit_usd ?? undefined) },
      ]}
    />
  );
}
