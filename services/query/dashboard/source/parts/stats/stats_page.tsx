/** The frame of the pages of numbers: title, range and filters; or what to do next while nothing is stored. */

import type { ComponentChildren } from "preact";
import type { Filter } from "../../address/filters";
import { extent, isEmpty, range, rangeAddress, zone } from "../../address/range";
import { dayText, spanText } from "../../format/days";
import { FilterBar } from "../filters/filter_bar";
import { NothingYet } from "../notes/nothing_yet";
import { RangeActions } from "../filters/range_actions";

interface Props {
  title: ComponentChildren;
  /** More about the numbers, beside their range. */
  about?: ComponentChildren;
  filters: readonly Filter[];
  /** What there is not, on a tracker that has nothing: "no tool call". */
  without: string;
  children: ComponentChildren;
}

export function StatsPage({ title, about, filters, without, children }: Props) {
  const { name, label, start, end } = range.value;
  return (
    <>
      <header class="page-head">
        <h1>{title}</h1>
        {!isEmpty.value && (
          <span class="quiet">
            {label}
            {name !== "days" && start && end && ` (${spanText(start, end)})`}, days in {zone.value}
            {about && <>; {about}</>}
          </span>
        )}
        <RangeActions />
      </header>
      {isEmpty.value ? (
        <NothingYet what={without} />
      ) : (
        <>
          <FilterBar filters={filters} />
          {isOutside() && (
            <p class="note">
              Nothing is stored for these days. The first event is from {dayText(extent.value?.first ?? "")}, the last from {dayText(extent.value?.last ?? "")}. <a href={rangeAddress("all")}>Show all of them</a>
            </p>
          )}
          {children}
        </>
      )}
    </>
  );
}

/** Whether the range is before the first event, or behind the last one. */
function isOutside(): boolean {
  const { start, end } = range.value;
  return extent.value !== null && ((end !== null && end < extent.value.first) || (start !== null && start > extent.value.last));
}
