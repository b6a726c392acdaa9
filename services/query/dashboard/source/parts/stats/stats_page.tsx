/** The frame of the pages of numbers: title, range and filters; or what to do next while nothing is stored. */

import type { ComponentChildren } from "preact";
import type { Filter } from "../../address/filters";
import { isEmpty, range, zone } from "../../address/range";
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
  return (
    <>
      <header class="page-head">
        <h1>{title}</h1>
        {!isEmpty.value && (
          <span class="quiet">
            {range.value.label}, days in {zone.value}
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
          {children}
        </>
      )}
    </>
  );
}
