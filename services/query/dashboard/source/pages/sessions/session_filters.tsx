/** The filters of the list of sessions: those of every page, and branch, tag, star, state and order. */

import { useState } from "preact/hooks";
import { address, go, parameter, withParameters } from "../../address/address";
import { FILTERS, filterQuery } from "../../address/filters";
import { PRESETS, range } from "../../address/range";
import type { Parameters } from "../../api/answers";
import { useRead } from "../../api/use_read";
import { FilterBar } from "../../parts/filters/filter_bar";

export const SORTS = [
  { value: "start_time", label: "Newest first" },
  { value: "active_minutes", label: "Most active time" },
  { value: "cost_usd", label: "Highest cost" },
  { value: "tool_calls_count", label: "Most tool calls" },
  { value: "messages_count", label: "Most messages" },
  { value: "lines_changed", label: "Most lines changed" },
] as const;

/** Those that only this page has, by their names in the address. */
const OWN = ["branch", "tag", "starred", "status", "outcome", "contains"] as const;

/** The own filters and the order as parameters of the API. */
export function ownQuery(): Parameters {
  const { parameters } = address.value;
  const text = parameters.get("contains")?.trim();
  const isRequest = text && /^#\d+$|^https?:\/\//.test(text);
  return {
    contains: isRequest ? null : text,
    pull_request: isRequest ? text : null,
    outcome: parameters.get("outcome"),
    branch: parameters.get("branch"),
    tag: parameters.get("tag"),
    is_starred: parameters.get("starred") ? "true" : null,
    status: parameters.get("status"),
    sort: parameters.get("sort"),
    order: parameters.get("order"),
  };
}

export function isFiltered(): boolean {
  const { parameters } = address.value;
  return [...FILTERS, ...OWN].some((name) => parameters.get(name));
}

/** The address of the list without any filter, with the same days. */
export function unfilteredAddress(): string {
  return withParameters(Object.fromEntries([...FILTERS, ...OWN].map((name) => [name, null])));
}

export function SessionFilters() {
  const tags = useRead("/api/tags", { limit: 200 });
  return (
    <div class="session-filters">
      <FilterBar filters={["project", "user", "machine", "model"]} set={OWN.filter((name) => parameter(name)).length}>
        <div class="filters">
          <input
            class="input session-contains"
            type="search"
            aria-label="Text of the title or note, or a pull request"
            placeholder="Title, note or #123 of a pull request"
            value={parameter("contains") ?? ""}
            maxLength={400}
            onInput={(event) => go(withParameters({ contains: event.currentTarget.value }), { replace: true })}
          />
          <BranchChoice />
          <Choice name="tag" label="Tag" options={(tags.data?.items ?? []).map((item) => ({ value: item.tag, label: `${item.tag} (${item.sessions})` }))} />
          <Choice
            name="outcome"
            label="Outcome"
            options={[
              { value: "commit", label: "Committed" },
              { value: "pull_request", label: "Opened a pull request" },
              { value: "files", label: "Changed files" },
              { value: "nothing", label: "Nothing came of it" },
            ]}
          />
          <Choice
            name="status"
            label="State"
            options={[
              { value: "open", label: "Open" },
              { value: "ended", label: "Ended" },
            ]}
          />
          <button
            type="button"
            class="button is-small"
            aria-pressed={parameter("starred") !== null}
            onClick={() => go(withParameters({ starred: parameter("starred") ? null : "1" }))}
          >
            ★ With a star
          </button>
          <label class="filter">
            <span class="only-read">Order</span>
            <select value={parameter("sort") ?? "start_time"} onChange={(event) => go(withParameters({ sort: event.currentTarget.value === "start_time" ? null : event.currentTarget.value, order: null }))}>
              {SORTS.map((sort) => (
                <option key={sort.value} value={sort.value}>
                  {sort.label}
                </option>
              ))}
            </select>
          </label>
          {isFiltered() && (
            <a class="button is-small is-quiet" href={unfilteredAddress()}>
              Clear filters
            </a>
          )}
        </div>
      </FilterBar>
    </div>
  );
}

function Choice({ name, label, options }: { name: string; label: string; options: readonly { value: string; label: string }[] }) {
  const value = parameter(name) ?? "";
  if (options.length === 0 && !value) return null;
  return (
    <label class={value ? "filter is-set" : "filter"}>
      <span class="only-read">{label}</span>
      <select value={value} onChange={(event) => go(withParameters({ [name]: event.currentTarget.value || null }))}>
        <option value="">{`${label}: all`}</option>
        {options.map((option) => (
          <option key={option.value} value={option.value} disabled={option.value === ""}>
            {option.label}
          </option>
        ))}
        {value && !options.some((option) => option.value === value) && <option value={value}>{value}</option>}
      </select>
    </label>
  );
}

/** Branches stand in no sum: all of them are read from the rows, and so only once somebody is about to choose. */
function BranchChoice() {
  const [isWanted, setWanted] = useState(false);
  const usage = useRead(isWanted ? "/api/usage" : null, { group_by: "branch", ...filterQuery() });
  const names = (usage.data?.items ?? []).flatMap(({ branch }) => (branch ? [branch] : []));
  const options = names.length > 0 ? names.map((name) => ({ value: name, label: name })) : [{ value: "", label: usage.isCurrent ? "No branch is known" : "Reading the branches …" }];
  return (
    <span class="filters" onPointerEnter={() => setWanted(true)} onFocusIn={() => setWanted(true)}>
      <Choice name="branch" label="Branch" options={options} />
    </span>
  );
}

/** What the list holds, in words. */
export function rangeWords(): string {
  const { name, label, start, end } = range.value;
  return PRESETS.find((preset) => preset.name === name)?.words ?? (start && end ? `of ${label}` : label);
}
