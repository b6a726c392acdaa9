/** What the tracker keeps and how it counts, as its settings say. They are changed where it runs. */

import { me } from "../../api/identity";
import { duration, minutes, plural } from "../../format/quantities";
import { Panel } from "../../parts/panel";

export function Kept() {
  const settings = me.value;
  if (!settings) return null;
  const rows: [name: string, setting: string, value: string][] = [
    ["Access", "TRACKER_ACCESS", settings.access === "open" ? "open: no key is needed, on this machine only" : "every request needs a key"],
    ["Results of tools", "TRACKER_TOOL_RESULTS", settings.tool_results === "on" ? "kept for all calls" : "kept only for calls that did not succeed"],
    ["A day begins", "TRACKER_TIMEZONE", `at midnight in ${settings.timezone}, unless a request names a zone. This dashboard names the one below`],
    ["Idle gap", "TRACKER_IDLE_GAP_SECONDS", `a pause of more than ${minutes(settings.idle_gap_minutes)} does not count as active time`],
    ["Silent machine", "TRACKER_MACHINE_SILENT_HOURS", `no report for ${plural(settings.machine_silent_hours, "hour")}`],
    ["Alarm", "TRACKER_READY_LAG_SECONDS", `Health says so if an event waits longer than ${duration(settings.ready_lag_seconds * 1_000)}`],
    ["Version", "", settings.version],
  ];
  return (
    <Panel title="What is kept, and how it counts" about="changed where the tracker runs" class="kept">
      <p>
        Keys, tokens and passwords in texts are replaced before they are stored, unless the tracker runs with <code>TRACKER_REDACT=off</code>. Credentials are never stored.
      </p>
      <dl class="kept-list">
        {rows.map(([name, setting, value]) => (
          <div key={name}>
            <dt>
              {name} {setting && <code class="quiet">{setting}</code>}
            </dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <p class="quiet">
        <a href="/docs">The API's reference</a> describes every answer. All settings are in the tracker's folder docs/.
      </p>
    </Panel>
  );
}
