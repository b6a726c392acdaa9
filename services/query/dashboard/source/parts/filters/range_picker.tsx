/** Which days a page shows. */

import { parts } from "../../address/address";
import { pageAddress } from "../../address/filters";
import { PRESETS, range, rangeAddress, sharedAddress } from "../../address/range";
import { DayFields } from "./day_fields";
import { Share } from "./share";

/** The pages whose numbers can be compared with those of another range. */
const OF_NUMBERS = ["overview", "projects", "tools", "usage"];

export function RangePicker() {
  const { name } = range.value;
  const [page = "", id] = parts.value;
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
      {OF_NUMBERS.includes(page) && (
        <a class="button is-small" href={pageAddress("/compare", { model: null, ...(id && { project: id }) })}>
          Compare
        </a>
      )}
      <Share address={sharedAddress()} />
    </div>
  );
}
