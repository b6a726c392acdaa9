/** Without an open session: what to do, and the sessions before. */

import { pageAddress } from "../../address/filters";
import { seesNames, seesTextsOfCounts } from "../../api/identity";
import { useRead } from "../../api/use_read";
import { projectName } from "../../format/names";
import { cost, minutes, moneyOf } from "../../format/quantities";
import { EmptyNote } from "../../parts/notes/empty_note";
import { Loaded, Panel } from "../../parts/panel";
import { connectCommand } from "../../parts/text/commands";
import { Time } from "../../parts/time";
import type { Live } from "./use_live";

const EVERY_MS = 30_000;
const SHOWN = 8;
const HEIGHT = 400;

export function NoSession({ live }: { live: Live }) {
  void live.version.value;
  const isKnown = live.listed.value !== null;
  const isNone = isKnown && (seesTextsOfCounts.value ? live.board.openSessions.length === 0 : live.listed.value?.items.length === 0);
  return (
    <>
      {isNone && (
        <Panel title="No session is open" class="none-open">
          <NextStep />
        </Panel>
      )}
      {seesTextsOfCounts.value && <LastSessions />}
    </>
  );
}

/** A tracker that no machine reports to is to be connected first. */
function NextStep() {
  const machines = useRead(seesNames.value ? "/api/machines" : null, { limit: 1 });
  if (machines.data?.items.length !== 0) return <EmptyNote title="Start Claude Code: its session shows here." />;
  return (
    <EmptyNote title="Connect Claude Code: its sessions show here while they run." command={connectCommand()}>
      Run this once on each machine, then start Claude Code anew there.
    </EmptyNote>
  );
}

function LastSessions() {
  const reading = useRead("/api/sessions", { limit: SHOWN }, { everyMs: EVERY_MS });
  if (reading.data?.items.length === 0) return null;
  return (
    <Panel title="Last sessions" about="by their start, the newest first" class="last-sessions" actions={<a href={pageAddress("/sessions")}>All</a>}>
      <Loaded reading={reading} what="the sessions" height={HEIGHT}>
        {(data) => (
          <ul class="last-list">
            {data.items.map((session) => (
              <li key={session.session_id}>
                <a data-item href={`/sessions/${encodeURIComponent(session.session_id)}`}>
                  <span class="last-title">{session.title ?? "Without a title"}</span>
                  <span class="quiet">{projectName(session.project_id, session.project_name)}</span>
                  <span class="quiet last-numbers">
                    <Time at={session.start_time} /> · {minutes(session.active_minutes)} · {cost(moneyOf(session.cost_usd, session))}
                  </span>
                </a>
              </li>
            ))}
          </ul>
        )}
      </Loaded>
    </Panel>
  );
}
