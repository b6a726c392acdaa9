/** Where a printed page comes from, and when. On the screen it is not shown. */

import { address } from "../address/address";
import { isPrinting } from "../parts/printing";
import { zone } from "../address/range";
import { timeText } from "../format/times";

export function PrintStamp() {
  // Read so that it is written anew when somebody prints, and on every page.
  void [isPrinting.value, address.value];
  return (
    <p class="print-stamp">
      Claude Code Tracker, printed on {timeText(new Date().toISOString())} ({zone.value}) from {location.href}
    </p>
  );
}
