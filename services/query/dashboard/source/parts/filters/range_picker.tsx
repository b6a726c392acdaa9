/** Which days a page shows. On a phone the named ranges are one choice, and days are typed among the filters. */

import { go } from "../../address/address";
import { PRESETS, range, rangeAddress } from "../../address/range";
import { Switch } from "../switch";
import { DayFields } from "./day_fields";

export function RangePicker({ isPhone }: { isPhone: boolean }) {
  const { name, label } = range.value;
  if (isPhone) {
    const named = PRESETS.map((preset) => ({ value: preset.name, label: preset.label }));
    return <Switch label="Range of days" options={name === "days" ? [{ value: name, label }, ...named] : named} value={name} onChange={(value) => go(rangeAddress(value))} />;
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
