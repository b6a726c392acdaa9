/** The history of a file or a folder: who touched it last and why, its course, and every change. */

import { go, parameter, withParameters } from "../../address/address";
import { daysOfAddress, filterQuery } from "../../address/filters";
import { zone } from "../../address/range";
import type { Schemas } from "../../api/answers";
import { usePages } from "../../api/use_pages";
import { useRead } from "../../api/use_read";
import { plural } from "../../format/quantities";
import { ChosenDays } from "../../parts/filters/chosen_days";
import { BarList } from "../../parts/charts/bar_list";
import { EmptyNote } from "../../parts/notes/empty_note";
import { FilterBar } from "../../parts/filters/filter_bar";
import { LineCounts } from "../../parts/text/line_counts";
import { MoreRows } from "../../parts/tables/more_rows";
import { Panel } from "../../parts/panel";
import { ProblemNote } from "../../parts/notes/problem_note";
import { Switch } from "../../parts/switch";
import { Time } from "../../parts/time";
import { ChangeChart } from "./change_chart";
import { ChangeGroups } from "./change_groups";
import { LastChange } from "./last_change";
import { crumbsOf, historyAddress, isFolder, nameOf } from "./paths";

const PAGE_ROWS = 50;
const ACTIONS = [
  { value: "all", label: "All" },
  { value: "created", label: "Created" },
  { value: "modified", label: "Modified" },
  { value: "deleted", label: "Deleted" },
] as const;
type Action = (typeof ACTIONS)[number]["value"];

export function FileHistory({ path }: { path: string }) {
  const action = ACTIONS.find((each) => each.value === parameter("action"))?.value ?? "all";
  const project = parameter("project");
  const found = usePages("/api/files/history", {
    path,
    ...filterQuery(["project", "user", "machine"]),
    ...daysOfAddress(),
    action: action === "all" ? null : action,
    tz: zone.value,
    limit: PAGE_ROWS,
  });
  const first = found.pages[0];
  const changes = found.pages.flatMap((page) => page.items);
  const isNarrowed = ["user", "machine", "action", "range", "from", "to"].some((name) => parameter(name));
  return (
    <>
      <header class="page-head">
        <h1 class="path-title">{nameOf(path)}</h1>
        <nav class="crumbs" aria-label="Folders">
          <a href="/files">Files</a>
          {crumbsOf(path).map((crumb) => (
            <a key={crumb.prefix} href={historyAddress(crumb.prefix, project)}>
              {crumb.name}
            </a>
          ))}
        </nav>
      </header>
      {found.problem && <ProblemNote problem={found.problem} again={found.more} />}
      {!first && !found.problem && (
        <div class="outline files-outline" role="status">
          Reading the history …
        </div>
      )}
      {first && (
        <div class={found.isCurrent ? "loaded" : "loaded is-stale"} aria-busy={!found.isCurrent}>
          {!isNarrowed && changes[0] && <LastChange change={changes[0]} path={path} />}
          {first.summary && first.summary.changes > 0 && <Summary summary={first.summary} isFolder={isFolder(path)} />}
          {isFolder(path) && <FilesWithin path={path} />}
          <div class="file-filters">
            <Switch<Action> label="Kind of change" options={ACTIONS} value={action} onChange={(value) => go(withParameters({ action: value === "all" ? null : value }))} />
            <FilterBar filters={["project", "user", "machine"]} hasRange={false} />
            <ChosenDays />
          </div>
          {changes.length === 0 ? <NoChanges path={path} isNarrowed={isNarrowed} /> : <ChangeGroups changes={changes} path={path} />}
          <MoreRows of={found} what="changes" />
        </div>
      )}
    </>
  );
}

function Summary({ summary, isFolder }: { summary: NonNullable<Schemas["FileHistorySummary"]>; isFolder: boolean }) {
  const parts = [
    plural(summary.changes, "change"),
    ...(isFolder ? [plural(summary.files, "file")] : []),
    plural(summary.sessions, "session"),
    plural(summary.people, "person", "people"),
  ];
  return (
    <Panel
      title="Over time"
      about={
        <>
          {parts.join(" · ")} · <LineCounts added={summary.lines_added} removed={summary.lines_removed} />
          {summary.first_change && (
            <>
              {" "}
              · since <Time at={summary.first_change} />
            </>
          )}
          {!summary.is_complete && " · of the newest 10,000 changes; there are more"}
        </>
      }
      class="history-summary"
    >
      <ChangeChart days={summary.days} />
    </Panel>
  );
}

const MOST_WITHIN = 8;

function FilesWithin({ path }: { path: string }) {
  const files = useRead("/api/files", { path, ...filterQuery(["project"]), limit: MOST_WITHIN });
  const items = files.data?.items ?? [];
  if (items.length < 2) return null;
  const prefix = path.replace(/\*$/, "");
  return (
    <Panel title="Most changed files in this folder" about={`changes over all time${files.data?.next_cursor ? `, the first ${MOST_WITHIN}` : ""}`} class="history-summary">
      <BarList
        label="Most changed files within"
        bars={items.map((file) => ({
          key: `${file.project_id} ${file.file_path}`,
          label: file.file_path.startsWith(prefix) ? file.file_path.slice(prefix.length) : file.file_path,
          value: file.changes,
          text: plural(file.changes, "change"),
          title: file.file_path,
          href: historyAddress(file.file_path, file.project_id),
        }))}
      />
    </Panel>
  );
}

/** Nothing is known of this path: narrowed too much, or another machine has it elsewhere. */
function NoChanges({ path, isNarrowed }: { path: string; isNarrowed: boolean }) {
  const similar = useRead(isNarrowed ? null : "/api/files", { contains: nameOf(path).replace(/[\\/]$/, ""), limit: 6 });
  if (isNarrowed) {
    return (
      <EmptyNote title="No change matches these filters.">
        <a href={historyAddress(path, parameter("project"))}>Show all of its changes</a>
      </EmptyNote>
    );
  }
  const files = similar.data?.items ?? [];
  return (
    <EmptyNote title="Claude has not changed a file at this path.">
      <p>On another machine the file may have another path. Changes made outside of Claude Code are not seen.</p>
      {files.length > 0 && (
        <>
          <p>Files with a similar path:</p>
          <ul>
            {files.map((file) => (
              <li key={`${file.project_id} ${file.file_path}`}>
                <a href={historyAddress(file.file_path, file.project_id)}>{file.file_path}</a>
              </li>
            ))}
          </ul>
        </>
      )}
    </EmptyNote>
  );
}
