/** Which days a page shows. */

import { go, withParameters } from "../address/address";
import { PRESETS, range, rangeAddress, zone } from "../address/range";
import { today } from "../format/days";

export function RangePicker() {
  const { name, start, end } = range.value;
  const choose = (from: string | null, to: string | null) => go(withParameters({ range: null, from, to }));
  return (
    <div class="range-picker">
      <span class="switch" role="group" aria-label="Range of days">
        {PRESETS.map((preset) => (
          <a key={preset.name} href={rangeAddress(preset.name)} aria-current={preset.name === name ? "true" : undefined}>
            {preset.label}
          </a>
        ))}
      </span>
      <span class="range-days">
        <input type="date" aria-label="First day" value={start ?? ""} max={end ?? today(zone)} onChange={(event) => choose(event.currentTarget.value || null, end)} />
        <span aria-hidden="true">to</span>
        <input type="date" aria-label="Last day" value={end ?? ""} min={start ?? undefined} onChange={(event) => choose(start, event.currentTarget.value || null)} />
      </span>
    </div>
  );
}
