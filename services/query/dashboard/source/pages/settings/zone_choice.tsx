/** The zone of days and times, for who wants another than the browser's. */

import { go, withParameters } from "../../address/address";
import { viewerZone, zone } from "../../address/range";
import { Panel } from "../../parts/panel";

/** All pages count in the chosen one while it stands in the address: links keep it. */
export function ZoneChoice() {
  const zones = [...new Set([viewerZone, zone.value, "UTC", ...Intl.supportedValuesOf("timeZone")])];
  return (
    <Panel title="Zone of days and times">
      <label class="filter">
        <span class="only-read">Zone of days and times</span>
        <select value={zone.value} onChange={(event) => go(withParameters({ tz: event.currentTarget.value === viewerZone ? null : event.currentTarget.value }), { keepsZone: false })}>
          {zones.map((name) => (
            <option key={name} value={name}>
              {name === viewerZone ? `${name}, yours` : name}
            </option>
          ))}
        </select>{" "}
        All pages show days and times of this zone. “Share” copies an address that has it.
      </label>
    </Panel>
  );
}
