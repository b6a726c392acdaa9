/** The newest sessions of a project in the range. */

import { pageAddress, rangeQuery } from "../../address/filters";
import { useRead } from "../../api/use_read";
import { measure } from "../../format/measures";
import type { Schemas } from "../../api/answers";
import { count, moneyOf } from "../../format/quantities";
import { Loaded, Panel } from "../../parts/panel";
import { Table } from "../../parts/tables/table";
import { Time } from "../../parts/time";
import { withinDays } from "../sessions/session_row";

const MOST = 8;

export function ProjectSessions({ id }: { id: string }) {
  const sessions = useRead("/api/sessions", { ...rangeQuery(["user", "machine"]), project_id: id, by: "active", include_share: true, limit: MOST });
  const numbers = (["active_minutes", "cost_usd"] as const).map((name) => ({
    title: <span title={measure(name).definition}>{measure(name).label}</span>,
    isNumber: true,
    cell: (session: Schemas["Session"]) => {
      const { of } = withinDays(session);
      return measure(name).exact(moneyOf(of[name], of));
    },
  }));
  return (
    <Panel title="Newest sessions" actions={<a href={pageAddress("/sessions", { project: id })}>All sessions of the project</a>}>
      <Loaded reading={sessions} what="the sessions" height={300}>
        {(data) =>
          data.items.length === 0 ? (
            <p class="quiet">No session was active in this range.</p>
          ) : (
            <Table
              caption="Newest sessions"
              csv={sessions.address}
              rows={data.items}
              keyOf={(session) => session.session_id}
              columns={[
                {
                  title: "Session",
                  isWide: true,
                  cell: (session) => (
                    <a href={`/sessions/${encodeURIComponent(session.session_id)}`} title={session.title ?? undefined} data-item>
                      {session.title ?? "Without a title"}
                    </a>
                  ),
                },
                { title: "Began", cell: (session) => <Time at={session.start_time} /> },
                { title: "Branch", isMinor: true, cell: (session) => <span class="project-branch" title={session.git_branch ?? undefined}>{session.git_branch ?? "–"}</span> },
                ...numbers,
                { title: "Messages", isNumber: true, isMinor: true, cell: (session) => count(session.share?.messages ?? session.messages_count) },
                { title: "Tool calls", isNumber: true, isMinor: true, cell: (session) => count(withinDays(session).of.tool_calls) },
              ]}
            />
          )
        }
      </Loaded>
    </Panel>
  );
}
