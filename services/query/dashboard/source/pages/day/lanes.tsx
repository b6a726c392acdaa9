/** The sessions of a day beside each other: those that ran at the same time have a lane each. The list of sessions has the same times. */

import { go } from "../../address/address";
import type { Schemas } from "../../api/answers";
import { minutes } from "../../format/quantities";
import { clockText } from "../../format/times";
import { Panel } from "../../parts/panel";

type Session = Schemas["DaySession"];

const HOUR_MS = 3_600_000;
const MOST_HOURS = 8;
/** Two sessions in one lane are as far apart, as a part of what is shown. */
const APART = 0.004;

/** `dayStart`: the hours are those of its zone, which may begin at any quarter. */
export function Lanes({ sessions, dayStart }: { sessions: readonly Session[]; dayStart: string | null }) {
  const shown = sessions.filter((session) => session.active.length > 0);
  const [first, last] = [Math.min(...shown.map(startOf)), Math.max(...shown.map(endOf))];
  const midnight = Date.parse(dayStart ?? "") || 0;
  const hourOf = (at: number, round: (value: number) => number) => midnight + round((at - midnight) / HOUR_MS) * HOUR_MS;
  const from = hourOf(first, Math.floor);
  const length = Math.max(HOUR_MS, hourOf(last, Math.ceil) - from);
  if (shown.length < 2) return null;
  const lanes = lanesOf(shown, length * APART);
  const step = [1, 2, 3, 6].find((each) => length / HOUR_MS / each <= MOST_HOURS) ?? 6;
  const hours = Array.from({ length: Math.ceil(length / HOUR_MS / step) }, (_, index) => from + index * step * HOUR_MS);
  const place = (start: number, end: number, within = [from, length] as const) => ({ left: `${((start - within[0]) / within[1]) * 100}%`, width: `${((end - start) / within[1]) * 100}%` });
  return (
    <Panel title="Through the day" about={`${lanes.length > 1 ? `at most ${lanes.length} sessions at once; ` : ""}solid: something happens, hatched: it waits`} class="day-lanes">
      <div role="img" aria-label={`${shown.length} sessions from ${clockText(new Date(first).toISOString())} to ${clockText(new Date(last).toISOString())}, at most ${lanes.length} at once. The list below has their times.`}>
        {lanes.map((lane, index) => (
          <div class="day-lane" key={index}>
            {lane.map((session) => {
              const [start, end] = [startOf(session), endOf(session)];
              return (
                <span
                  key={session.session_id}
                  style={place(start, end)}
                  title={`${session.title ?? "Without a title"}\n${clockText(session.first_at)}–${clockText(session.last_at)}, ${minutes(session.share.active_minutes)} active`}
                  onClick={() => session.session_id && go(`/sessions/${encodeURIComponent(session.session_id)}`)}
                >
                  {session.active.map((each) => (
                    <i key={each.start} style={place(Date.parse(each.start), Date.parse(each.end), [start, end - start || 1])} />
                  ))}
                </span>
              );
            })}
          </div>
        ))}
        <div class="day-hours">
          {hours.map((hour) => (
            <span key={hour} style={{ left: place(hour, hour).left }}>
              {clockText(new Date(hour).toISOString())}
            </span>
          ))}
        </div>
      </div>
    </Panel>
  );
}

const startOf = (session: Session) => Date.parse(session.first_at);
const endOf = (session: Session) => Date.parse(session.last_at);

/** Each session in the first lane that is free again. */
function lanesOf(sessions: readonly Session[], apart: number): Session[][] {
  const lanes: Session[][] = [];
  for (const session of sessions) {
    const free = lanes.find((lane) => lane.every((other) => endOf(other) + apart < startOf(session)));
    if (free) free.push(session);
    else lanes.push([session]);
  }
  return lanes;
}
