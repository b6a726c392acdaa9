/** Says in which zone the page counts, where that is not the viewer's: the address of a colleague names theirs. */

import { go, parameter, withParameters } from "../address/address";
import { viewerZone, zone, zoneOfAddress } from "../address/range";

export function ZoneNote() {
  if (zone.value === viewerZone && zoneOfAddress.value !== undefined) return null;
  return (
    <p class="note-small zone-note" role="status">
      {zoneOfAddress.value ? `Days and times are those of ${zone.value}, as the address says. Your zone is ${viewerZone}.` : `“${parameter("tz")}” is no time zone that this browser knows. Days and times are those of ${zone.value}.`}
      <button type="button" class="button is-small" onClick={() => go(withParameters({ tz: null }), { keepsZone: false })}>
        Use my zone
      </button>
    </p>
  );
}
