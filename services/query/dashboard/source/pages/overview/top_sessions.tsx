/** The sessions of the range with the most of something. */

import { choiceOf, choose } from "../../address/choice";
import { pageAddress, rangeQuery } from "../../address/filters";
import { useRead } from "../../api/use_read";
import { type MeasureName, measure } from "../../format/measures";
import { projectName } from "../../format/names";
import { moneyOf } from "../../format/quantities";
import { Loaded, Panel } from "../../parts/panel";
import { Switch } from "../../parts/switch";
import { Time } from "../../parts/time";

const SORTS = ["active_minutes", "cost_usd", "messages_count"] as const;
const OF: Record<(typeof SORTS)[number], MeasureName> = { active_minutes: "active_minutes", cost_usd: "cost_usd", messages_count: "messages" };
const LABELS = { active_minutes: "Time", cost_usd: "Cost", messages_count: "Messages" };
const MOST = 8;
const HEIGHT = 330;

export function TopSessions() {
  const sort = choiceOf("top", SORTS);
  const sessions = useRead("/api/sessions", { ...rangeQuery(), by: "active", sort, limit: MOST });
  const { exact, label } = measure(OF[sort]);
  return (
    <Panel
      title="Top sessions"
      about={`by ${label.toLowerCase()} of the whole session`}
      class="two-thirds"
      actions={<Switch label="Sessions by" options={SORTS.map((value) => ({ value, label: LABELS[value] }))} value={sort} onChange={(value) => choose("top", value, SORTS)} />}
    >
      <Loaded reading={sessions} what="the sessions" height={HEIGHT}>
        {(data) =>
          data.items.length === 0 ? (
            <p class="quiet">No session was active in this range.</p>
          ) : (
            <ol class="top-sessions">
              {data.items.map((session) => (
                <li key={session.session_id}>
                  <a href={`/sessions/${encodeURIComponent(session.session_id)}`} data-item>
                    <span class="top-title">{session.title ?? "Without a title"}</span>
                    <span class="top-about">
                      {projectName(session.project_id, session.project_name)} · <Time at={session.start_time} />
                    </span>
                  </a>
                  <span class="top-value">{exact(sort === "cost_usd" ? moneyOf(session.cost_usd, session) : session[sort])}</span>
                </li>
              ))}
            </ol>
          )
        }
      </Loaded>
      <a class="list-more" href={pageAddress("/sessions", { sort })}>
        All sessions of this range
      </a>
    </Panel>
  );
}
