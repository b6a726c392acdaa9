/** A day: what was done on it, in order, by project, with what was asked and what came of it. `/days` alone is the newest day with anything. */

import { useEffect } from "preact/hooks";
import { go, parts, withParameters } from "../../address/address";
import { chosen, filterQuery, toggled } from "../../address/filters";
import { extent, isEmpty, zone } from "../../address/range";
import type { Schemas } from "../../api/answers";
import { seesTexts } from "../../api/identity";
import { useRead } from "../../api/use_read";
import { addDays, isDay, longDayText, today, weekdayText } from "../../format/days";
import { measure } from "../../format/measures";
import { projectName } from "../../format/names";
import { compact, count, moneyOf, plural } from "../../format/quantities";
import { Bars } from "../../parts/charts/bar_list";
import { EmptyNote } from "../../parts/notes/empty_note";
import { FilterBar } from "../../parts/filters/filter_bar";
import { Share } from "../../parts/filters/share";
import { NothingYet } from "../../parts/notes/nothing_yet";
import { Loaded, Panel } from "../../parts/panel";
import { Tile } from "../../parts/stats/tile";
import { useCopy } from "../../parts/text/use_copy";
import { type PageKey, pageKeys } from "../../shell/keyboard";
import "./day.css";
import { DaySession } from "./day_session";
import { Lanes } from "./lanes";

type Day = Schemas["Day"];

/** The day that the address names. */
function namedDay(): string {
  return parts.value[1] ?? newestDay();
}

export default function DayPage() {
  const day = namedDay();
  if (!isDay(day))
    return (
      <EmptyNote isPage title={`“${day}” is not a day.`}>
        A day is written as 2026-01-31. <a href="/days">Show the newest day</a>
      </EmptyNote>
    );
  if (isEmpty.value)
    return (
      <>
        <header class="page-head">
          <h1>{longDayText(day)}</h1>
        </header>
        <NothingYet what="nothing here" />
      </>
    );
  return <KnownDay day={day} />;
}

function newestDay(): string {
  const now = today(zone.value);
  const last = extent.value?.last ?? now;
  return last < now ? last : now;
}

/** Goes so many days on from the day of the address, which a key may change before the page shows it; not beyond today. */
function step(days: number): void {
  const other = addDays(namedDay(), days);
  if (other <= today(zone.value)) go(otherDay(other));
}

/** The address of a day, with the same filters. */
function otherDay(day: string): string {
  return withParameters({}, `/days/${day}`);
}

function KnownDay({ day }: { day: string }) {
  const reading = useRead("/api/days/{date}", { tz: zone.value, ...filterQuery() }, { inPath: { date: day } });
  return (
    <>
      <header class="page-head">
        <h1>{longDayText(day)}</h1>
        <span class="quiet">days in {zone.value}</span>
        <Share address={withParameters({ tz: zone.value }, `/days/${day}`)} />
      </header>
      <div class="day-choice">
        <Neighbours day={day} />
        <FilterBar filters={["project", "user", "machine"]} hasRange={false} />
      </div>
      <Loaded reading={reading} what="the day" height={420}>
        {(data) => (data.sessions.length === 0 && data.projects.length === 0 ? <Nothing day={day} /> : <What data={data} csv={reading.address} />)}
      </Loaded>
    </>
  );
}

function Neighbours({ day }: { day: string }) {
  const before = addDays(day, -1);
  const after = addDays(day, 1);
  const hasAfter = after <= today(zone.value);
  useEffect(() => {
    const keys: PageKey[] = [
      { key: "[", what: "the day before", run: () => step(-1) },
      ...(hasAfter ? [{ key: "]", what: "the day after", run: () => step(1) }] : []),
    ];
    pageKeys.value = keys;
    return () => {
      if (pageKeys.peek() === keys) pageKeys.value = [];
    };
  }, [hasAfter]);
  return (
    <nav class="day-neighbours" aria-label="Days">
      <a class="button" href={otherDay(before)} rel="prev" title="[">
        <span aria-hidden="true">‹</span> {weekdayText(before)}
      </a>
      <input
        class="input"
        type="date"
        aria-label="Day"
        value={day}
        max={today(zone.value)}
        onChange={(event) => {
          if (isDay(event.currentTarget.value) && event.currentTarget.value > "1970") go(otherDay(event.currentTarget.value));
        }}
      />
      {hasAfter && (
        <a class="button" href={otherDay(after)} rel="next" title="]">
          {weekdayText(after)} <span aria-hidden="true">›</span>
        </a>
      )}
    </nav>
  );
}

function Nothing({ day }: { day: string }) {
  const isFiltered = Object.keys(chosen.value).length > 0;
  const newest = newestDay();
  return (
    <EmptyNote title={isFiltered ? "Nothing happened on this day with these filters." : "Nothing happened on this day."}>
      {isFiltered ? <a href={`/days/${day}`}>Clear the filters</a> : newest !== day && <a href={`/days/${newest}`}>Show {longDayText(newest)}, the newest day with anything</a>}
    </EmptyNote>
  );
}

function What({ data, csv }: { data: Day; csv: string | null }) {
  const { totals, sessions } = data;
  const several = (values: unknown[]) => new Set(values).size > 1;
  const names = { project: several(sessions.map((each) => each.project_id)), user: several(sessions.map((each) => each.user)) };
  return (
    <>
      <section class="tiles" aria-label="The day in numbers">
        <Tile of="active_minutes" value={totals.active_minutes} note={plural(totals.tool_calls, "tool call")} />
        <Tile of="active_sessions" value={totals.active_sessions} note={`${count(totals.sessions)} began on this day`} />
        <Tile of="user_messages" value={totals.user_messages} note={`${plural(totals.messages - totals.user_messages, "answer")}`} />
        <Tile of="files_modified" value={totals.files_modified} note={`+${compact(totals.lines_added)} −${compact(totals.lines_removed)} lines`} />
        <Tile of="cost_usd" value={totals.cost_usd} note={`${measure("total_tokens").short(totals.total_tokens)} tokens${totals.unpriced_calls ? `, ${plural(totals.unpriced_calls, "call")} without a price` : ""}`} without={totals.api_calls === 0 ? "no calls" : undefined} />
      </section>
      <div class="grid">
        <Lanes sessions={sessions} dayStart={data.range.start} />
        <Panel title="What was done" about="in the order in which it began; all numbers are of this day alone" class="two-thirds" csv={csv}>
          {sessions.length === 0 ? (
            <p class="quiet">No session was active on this day. The numbers above are of calls that belong to no session.</p>
          ) : (
            <ol class="day-sessions">
              {sessions.map((session, index) => (
                <DaySession key={session.session_id ?? index} session={session} names={names} />
              ))}
            </ol>
          )}
          {data.sessions_left_out > 0 && <p class="quiet">{plural(data.sessions_left_out, "more session")} began later on this day. Filter by project or person to see them.</p>}
        </Panel>
        <div class="third day-side">
          <Panel title="By project" about="active time">
            <Bars
              label="Active time by project"
              isUnknownShown
              bars={data.projects.map((item) => ({
                key: item.project_id ?? "none",
                label: projectName(item.project_id, item.project_name),
                value: item.active_minutes,
                text: measure("active_minutes").exact(item.active_minutes),
                title: `${plural(item.active_sessions, "session")}, ${plural(item.user_messages, "prompt")}, ${measure("cost_usd").exact(moneyOf(item.cost_usd, item))}`,
                href: toggled("project", item.project_id),
                isChosen: chosen.value.project === String(item.project_id),
              }))}
            />
          </Panel>
          {seesTexts.value && data.standup && <Standup text={data.standup} />}
        </div>
      </div>
    </>
  );
}

function Standup({ text }: { text: string }) {
  const { said, copy } = useCopy(text, "Select it");
  return (
    <Panel
      title="Standup"
      about="to paste; made by rules, no model"
      actions={
        <button type="button" class="button is-small" onClick={() => void copy()} aria-label="Copy the standup text">
          {said || "Copy"}
        </button>
      }
    >
      <pre class="day-standup" tabIndex={0} role="region" aria-label="Standup text">
        {text}
      </pre>
    </Panel>
  );
}
