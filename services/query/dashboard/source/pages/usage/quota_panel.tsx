/** How full the windows of the account's limits are, as Claude Code said: read, never computed. */

import { chosen } from "../../address/filters";
import { useRead } from "../../api/use_read";
import { atReset } from "../../format/limits";
import { Hint } from "../../parts/notes/hint";
import { NoLimit } from "../../parts/notes/no_limit";
import { Loaded, Panel } from "../../parts/panel";
import { Table } from "../../parts/tables/table";
import { Time } from "../../parts/time";

const KINDS: Record<string, string> = { five_hour: "5 hours", seven_day: "7 days" };

export function QuotaPanel() {
  const quota = useRead("/api/quota", { user: chosen.value.user });
  return (
    <Panel title="Limits" about="of your account, as Claude Code reads them; your other devices count too">
      <Loaded reading={quota} what="the limits" height={90}>
        {({ windows }) =>
          windows.length === 0 ? (
            <p class="quiet">
              <NoLimit />
            </p>
          ) : (
            <Table
              caption="Limits, the fullest first"
              rows={windows}
              keyOf={({ account, users, kind }) => `${account} ${users} ${kind}`}
              columns={[
                { title: "Limit", cell: ({ kind }) => kindText(kind ?? "") },
                { title: "Who", isMinor: true, cell: ({ users }) => users.join(", ") },
                {
                  title: "Used",
                  csvTitle: "Used (%)",
                  sortBy: (window) => window.used_percentage,
                  cell: ({ used_percentage: used, freshness }) => (
                    <span class="quota-used">
                      <meter max={100} high={80} value={used} aria-hidden="true" /> {freshness === "old" && "≥ "}{used} %
                    </span>
                  ),
                },
                { title: "Resets", sortBy: (window) => window.resets_at, cell: ({ resets_at, freshness }) => (freshness === "over" ? "has reset" : <Time at={resets_at} />) },
                {
                  title: <Hint text="Used ÷ elapsed; above 1 you run out before the reset.">Pace</Hint>,
                  isNumber: true,
                  isMinor: true,
                  cell: ({ pace }) => (pace === null ? "–" : `${pace} ×`),
                  sortBy: ({ pace }) => pace,
                },
                {
                  title: <Hint text="9 times in 10 you end between these two.">At the reset</Hint>,
                  isMinor: true,
                  cell: ({ forecast }) => (forecast ? atReset(forecast.at_reset) : "–"),
                },
                {
                  title: "Read",
                  sortBy: (window) => window.read_at,
                  cell: ({ freshness, read_at, source }) => (
                    <span title={`Told by the ${source.replaceAll("_", " ")}`}>
                      {freshness !== "current" && "not read since "}
                      <Time at={read_at} relative={freshness === "current"} />
                    </span>
                  ),
                },
              ]}
            />
          )
        }
      </Loaded>
    </Panel>
  );
}

function kindText(kind: string): string {
  const name = Object.keys(KINDS).find((each) => kind.startsWith(each));
  return name ? KINDS[name] + kind.slice(name.length).replace(/_/g, " ").replace(/^ /, ", ") : kind;
}
