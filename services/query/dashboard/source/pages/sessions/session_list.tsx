/** Which session was that: all that were ever seen, by page as one scrolls, with every filter in the address. */

import { useLayoutEffect, useEffect, useRef, useState } from "preact/hooks";
import { address, isRevisit, parameter, withParameters } from "../../address/address";
import { rangeQuery } from "../../address/filters";
import { extent, isEmpty, range, rangeAddress, zone } from "../../address/range";
import { type Problem, attempt } from "../../api/request";
import { usePages } from "../../api/use_pages";
import { measure } from "../../format/measures";
import { dayOf, dayText } from "../../format/days";
import { count, plural } from "../../format/quantities";
import { timeText } from "../../format/times";
import { EmptyNote } from "../../parts/notes/empty_note";
import { NothingYet } from "../../parts/notes/nothing_yet";
import { useFixedWindow } from "../../parts/tables/fixed_window";
import { RangeActions } from "../../parts/filters/range_actions";
import { CsvLink } from "../../parts/tables/csv_link";
import { ProblemNote } from "../../parts/notes/problem_note";
import { PHONE, useMedia } from "../../parts/use_media";
import { SessionFilters, isFiltered, ownQuery, rangeWords, unfilteredAddress } from "./session_filters";
import { type MarksChange, mark, mayMark, withMarks } from "./session_marks";
import { type Differing, SessionRow } from "./session_row";
import { ON_A_PAGE, rememberList } from "./session_side";
import { isNewSince, useLastLook } from "./last_look";
import "./sessions.css";

const TYPING_MS = 150;
const ROW_PX = 58;
const ROW_PX_PHONE = 84;
// The next page is read while so many rows are still below.
const READ_AHEAD = 60;

/** Where each list stood, by its address, for the way back. */
const places = new Map<string, number>();

export function SessionList() {
  const list = useRef<HTMLDivElement>(null);
  const rowHeight = useMedia(PHONE) ? ROW_PX_PHONE : ROW_PX;
  const query = { ...rangeQuery(["project", "user", "machine", "model"]), by: "active", include_share: true, ...ownQuery() };
  const found = usePages("/api/sessions", { ...query, include_outcome: true }, { pageItems: ON_A_PAGE, delayMs: TYPING_MS });
  useEffect(() => rememberList(query));
  const { problem, isReading, hasMore } = found;
  // While somebody types, what was found before stays.
  const items = found.pages.flatMap((page) => page.items);
  const isKnown = found.isCurrent && found.pages.length > 0;
  const isWhole = isKnown && !hasMore;
  const { first, last } = useFixedWindow(list, items.length, rowHeight);
  const [markProblem, setMarkProblem] = useState<Problem | null>(null);
  const differing = differences(items);

  useEffect(() => {
    if (last + READ_AHEAD > items.length && hasMore && !isReading && !problem) found.more();
  }, [last, items.length, isReading, hasMore]);
  useKeptPlace();

  async function change(sessionId: string, wanted: MarksChange): Promise<void> {
    setMarkProblem(await attempt(async () => {
      const marks = await mark(sessionId, wanted);
      found.change((page) => ({ ...page, items: page.items.map((session) => (session.session_id === sessionId ? withMarks(session, marks) : session)) }));
    }));
  }

  const looked = useLastLook();
  const news = items.filter((session) => isNewSince(looked, session)).length;

  return (
    <>
      <header class="page-head">
        <h1>Sessions</h1>
        <span class="quiet" role="status">
          {isKnown && items.length > 0 && (isWhole ? `${plural(items.length, "session")} ${rangeWords()}` : `More than ${count(items.length)} sessions ${rangeWords()}; the list goes on as you scroll`)}
        </span>
        {news > 0 && (
          <a class="badge is-accent" href={withParameters({ range: null, from: dayOf(new Date(looked), zone.value), to: null })} title="Those in which something happened since you last looked at this list">
            {count(news)} new since {timeText(new Date(looked).toISOString())}
          </a>
        )}
        <RangeActions />
        {items.length > 0 && <CsvLink of={found.address} />}
      </header>
      {!isEmpty.value && <SessionFilters />}
      {problem && <ProblemNote problem={problem} again={found.again} />}
      {markProblem && <ProblemNote problem={markProblem} />}
      {!isKnown && items.length === 0 && !problem && (
        <div class="outline session-outline" role="status">
          Reading the sessions …
        </div>
      )}
      {isKnown && items.length === 0 && <NoSessions />}
      {items.length > 0 && (
        <div class={found.isCurrent ? "panel session-panel" : "panel session-panel loaded is-stale"} aria-busy={!found.isCurrent}>
          <Columns />
          <div ref={list} class="session-rows" role="list" aria-label="Sessions" style={{ height: `${items.length * rowHeight}px` }}>
            {items.slice(first, last).map((session, index) => (
              <SessionRow
                key={session.session_id}
                session={session}
                differing={differing}
                isNew={isNewSince(looked, session)}
                top={(first + index) * rowHeight}
                onMark={mayMark(session) ? (wanted) => void change(session.session_id, wanted) : undefined}
              />
            ))}
          </div>
        </div>
      )}
      {isReading && items.length > 0 && <p class="quiet session-end">Reading more sessions …</p>}
      {isWhole && items.length > 0 && (
        <p class="quiet session-end">
          These are all sessions {rangeWords()}
          {isFiltered() && " that match these filters"}. {range.value.name !== "all" && <a href={rangeAddress("all")}>Show those of all time</a>}
        </p>
      )}
    </>
  );
}

function differences(sessions: readonly { project_id: number | null; user: string | null; model: string | null; machines: { machine_id: string }[] }[]): Differing {
  const several = (values: unknown[]) => new Set(values).size > 1;
  return {
    project: several(sessions.map((session) => session.project_id)),
    user: several(sessions.map((session) => session.user)),
    machine: several(sessions.map((session) => session.machines.map((machine) => machine.machine_id).join())),
    model: several(sessions.map((session) => session.model)),
  };
}

const COLUMNS = [
  { name: "started", label: "Started", sort: "start_time", about: "Time of its first event. Below: its last one, or that it is open." },
  { name: "active", label: "Active", sort: "active_minutes", about: `${measure("active_minutes").definition} Below: wall time, from the first to the last event.` },
  { name: "cost", label: "Cost", sort: "cost_usd", about: measure("cost_usd").definition },
  { name: "tools", label: "Tools", sort: "tool_calls_count", about: measure("tool_calls").definition },
  { name: "lines", label: "Lines", sort: "lines_changed", about: `${measure("lines_added").definition} ${measure("lines_removed").definition}` },
] as const;

function Columns() {
  const sort = parameter("sort") ?? "start_time";
  const isAscending = parameter("order") === "asc";
  return (
    <div class="session-columns">
      <span />
      <span>Session</span>
      {COLUMNS.map((column) => {
        const isSorted = sort === column.sort;
        const order = isSorted && !isAscending ? "asc" : null;
        return (
          <a
            key={column.name}
            class={isSorted ? `is-${column.name} is-sorted` : `is-${column.name}`}
            title={column.about}
            href={withParameters({ sort: column.sort === "start_time" ? null : column.sort, order })}
            aria-label={`Sort by ${column.label.toLowerCase()}${isSorted ? (isAscending ? ", now smallest first" : ", now largest first") : ""}`}
          >
            {column.label}
            {isSorted && (isAscending ? " ▲" : " ▼")}
          </a>
        );
      })}
    </div>
  );
}

function NoSessions() {
  if (isFiltered())
    return (
      <EmptyNote title="No session matches these filters.">
        <a href={unfilteredAddress()}>Clear the filters</a>
        {range.value.name !== "all" && (
          <>
            {" or "}
            <a href={rangeAddress("all")}>look at all days</a>
          </>
        )}
        {parameter("contains") && (
          <>
            {" or "}
            <a href={`/search?${new URLSearchParams({ q: parameter("contains") ?? "" })}`}>search what was said</a>
          </>
        )}
      </EmptyNote>
    );
  if (extent.value)
    return (
      <EmptyNote title={`There is no session ${rangeWords()}.`}>
        The newest event is of {dayText(extent.value.last)}. <a href={rangeAddress("all")}>Show sessions of all time</a>
      </EmptyNote>
    );
  return <NothingYet what="no session" />;
}

/** Puts the list back where it stood when one comes back to it. */
function useKeptPlace(): void {
  const here = address.value.path + address.value.parameters;
  useLayoutEffect(() => {
    if (isRevisit) window.scrollTo(0, places.get(here) ?? 0);
    const keep = () => location.pathname === "/sessions" && places.set(here, window.scrollY);
    window.addEventListener("scroll", keep, { passive: true });
    return () => window.removeEventListener("scroll", keep);
  }, [here]);
}
