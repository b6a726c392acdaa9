/** Which days a page shows. On a phone the named ranges are one choice, and days are typed among the filters. */

import { go } from "../../address/address";
import { PRESETS, range, rangeAddress } from "../../address/range";
import { DayFields } from "./day_fields";

export function RangePicker({ isPhone }: { isPhone: boolean }) {
  const { name, label } = range.value;
  if (isPhone) {
    const isNamed = PRESETS.some((preset) => preset.name === name);
    return (
      <select class="input" aria-label="Range of days" value={name} onChange={(event) => go(rangeAddress(event.currentTarget.value))}>
        {[...(isNamed ? [] : [{ name, label }]), ...PRESETS].map((each) => (
          <option key={each.name} value={each.name}>
            {each.label}
          </option>
        ))}
      </select>
    );
  }
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
