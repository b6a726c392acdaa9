/** Which days a page shows. */

import { PRESETS, range, rangeAddress } from "../../address/range";
import { DayFields } from "./day_fields";

export function RangePicker() {
  const { name } = range.value;
  return (
    <div class="range-picker">
      <span class="switch" role="group" aria-label="Range of days">
        {PRESETS.map((preset) => (
          <a key={preset.name} href={rangeAddress(preset.name)} aria-current={preset.name === name ? "true" : undefined}>
            {preset.label}
          </a>
        ))}
      </span>
      <DayFields days={range.value} />
    </div>
  );
}
