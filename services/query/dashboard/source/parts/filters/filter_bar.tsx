/** The range and the filters of a page, with their values to choose from. */

import type { ComponentChildren } from "preact";
import { go, withParameters } from "../../address/address";
import { type Filter, chosen } from "../../address/filters";
import { range } from "../../address/range";
import type { Schemas } from "../../api/answers";
import { seesNames } from "../../api/identity";
import { useRead } from "../../api/use_read";
import { machineName, modelName, projectName } from "../../format/names";
import { PHONE, useMedia } from "../use_media";
import { DayFields } from "./day_fields";
import { Folded } from "./folded";
import { RangePicker } from "./range_picker";

const LABELS: Record<Filter, string> = { project: "Project", user: "Person", machine: "Machine", model: "Model" };

interface Option {
  value: string;
  label: string;
}

interface Props {
  filters: readonly Filter[];
  hasRange?: boolean;
  /** Filters of the page alone, and how many of them are set. */
  children?: ComponentChildren;
  set?: number;
}

export function FilterBar({ filters, hasRange = true, children, set = 0 }: Props) {
  const isPhone = useMedia(`screen and ${PHONE}`);
  return (
    <div class="filter-bar">
      {hasRange && <RangePicker isPhone={isPhone} />}
      <Folded set={filters.filter((filter) => chosen.value[filter]).length + set}>
        {isPhone && hasRange && <DayFields days={range.value} />}
        <span class={children ? "filters" : "filters is-line"}>
          {filters.map((filter) => (
            <FilterChoice key={filter} filter={filter} />
          ))}
        </span>
        {children}
      </Folded>
      {hasRange && range.value.reason && <p class="range-reason">{range.value.reason} So you see {range.value.name === "all" ? "everything" : range.value.name === "365d" ? "the last year" : "the last 30 days"}.</p>}
    </div>
  );
}

function FilterChoice({ filter }: { filter: Filter }) {
  const options = useOptions(filter);
  const value = chosen.value[filter] ?? "";
  if (options.length < 2 && !value) return null;
  return (
    <label class={value ? "filter is-set" : "filter"}>
      <span class="only-read">{LABELS[filter]}</span>
      <select value={value} onChange={(event) => go(withParameters({ [filter]: event.currentTarget.value || null }))}>
        <option value="">{`${LABELS[filter]}: all`}</option>
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
        {value && !options.some((option) => option.value === value) && <option value={value}>{value}</option>}
      </select>
    </label>
  );
}

/** Machines with sessions, the most used first. Sums over the whole history have no machine, so they would be far slower than the list. */
export function useMachines(isWanted = true): Schemas["Machine"][] {
  const { data } = useRead(isWanted && seesNames.value ? "/api/machines" : null, { limit: 200 });
  return (data?.items ?? []).filter((machine) => machine.sessions_count > 0).sort((one, other) => other.sessions_count - one.sessions_count);
}

/** All that the filter can be, over the whole history; the most used first. */
function useOptions(filter: Filter): Option[] {
  const usage = useRead(filter === "machine" ? null : "/api/usage", { group_by: filter });
  const machines = useMachines(filter === "machine");
  const items = usage.data?.items;
  if (filter === "machine") return machines.flatMap(({ machine_id, name }) => (machine_id === null ? [] : [{ value: machine_id, label: machineName(machine_id, name) }]));
  return (items ?? []).flatMap((item): Option[] => {
    switch (filter) {
      case "project":
        return item.project_id == null ? [] : [{ value: String(item.project_id), label: projectName(item.project_id, item.project_name) }];
      case "user":
        return item.user == null ? [] : [{ value: item.user, label: item.user }];
      case "model":
        return item.model == null ? [] : [{ value: item.model, label: modelName(item.model) }];
    }
  });
}
