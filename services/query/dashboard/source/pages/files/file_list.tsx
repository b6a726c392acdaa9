/** The files that were changed, sorted by the API: the most changed first, or by another column. */

import { useEffect, useState } from "preact/hooks";
import { go, parameter, withParameters } from "../../address/address";
import { rangeQuery } from "../../address/filters";
import { extent, isEmpty, range, rangeAddress, zone } from "../../address/range";
import type { Schemas } from "../../api/answers";
import { usePages } from "../../api/use_pages";
import { pathInProject, projectName } from "../../format/names";
import { count } from "../../format/quantities";
import { EmptyNote } from "../../parts/notes/empty_note";
import { NothingYet } from "../../parts/notes/nothing_yet";
import { FilterBar } from "../../parts/filters/filter_bar";
import { RangeActions } from "../../parts/filters/range_actions";
import { LineCounts } from "../../parts/text/line_counts";
import { MoreRows } from "../../parts/tables/more_rows";
import { ProblemNote } from "../../parts/notes/problem_note";
import { type SortableColumn, sortedBy, sortingHeads } from "../../parts/tables/sorting";
import { Table } from "../../parts/tables/table";
import { Time } from "../../parts/time";
import { folderOf, historyAddress, nameOf } from "./paths";

const TYPING_MS = 150;
const PAGE_ROWS = 100;
const USUAL = "changes";

const COLUMNS: readonly SortableColumn<Schemas["File"]>[] = [
  { name: "file", title: "File", cell: (file) => <FileName file={file} /> },
  { name: "project", title: "Project", isMinor: true, cell: (file) => (file.project_id === null ? <span class="quiet">none</span> : projectName(file.project_id, file.project_name)) },
  { name: "changes", title: "Changes", isNumber: true, sortBy: (file) => file.changes, cell: (file) => count(file.changes) },
  {
    name: "lines_changed",
    title: "Lines",
    isNumber: true,
    sortBy: (file) => file.lines_added + file.lines_removed,
    cell: (file) => <LineCounts added={file.lines_added} removed={file.lines_removed} />,
  },
  { name: "sessions", title: "Sessions", isNumber: true, isMinor: true, sortBy: (file) => file.sessions, cell: (file) => count(file.sessions) },
  { name: "last_change", title: "Last change", isNumber: true, isMinor: true, sortBy: (file) => file.last_change, cell: (file) => <Time at={file.last_change} /> },
];

export function FileList() {
  const contains = parameter("contains") ?? "";
  const sorted = sortedBy(COLUMNS, USUAL);
  const found = usePages(
    "/api/files",
    { ...rangeQuery(), contains, sort: sorted.name === USUAL ? null : sorted.name, order: sorted.isAscending ? "asc" : null, limit: PAGE_ROWS },
    { delayMs: TYPING_MS },
  );
  const files = found.pages.flatMap((page) => page.items);
  return (
    <>
      <header class="page-head">
        <h1>Files</h1>
        {!isEmpty.value && <span class="quiet">{range.value.label}, days in {zone.value}; all that Claude changed</span>}
        <RangeActions />
      </header>
      {!isEmpty.value && <FilterBar filters={["project", "user", "machine"]} />}
      <div class="file-filters">
        <input
          class="input file-contains"
          type="search"
          aria-label="Part of the path"
          placeholder="Part of a path, such as upload.ts"
          value={contains}
          maxLength={400}
          autocomplete="off"
          spellcheck={false}
          onInput={(event) => go(withParameters({ contains: event.currentTarget.value }), { replace: true })}
        />
        <PathField />
      </div>
      {found.problem && <ProblemNote problem={found.problem} again={found.more} />}
      {found.pages.length === 0 && !found.problem && (
        <div class="outline files-outline" role="status">
          Reading the files …
        </div>
      )}
      {found.pages.length > 0 && files.length === 0 && <NoFiles />}
      {files.length > 0 && (
        <div class={found.isCurrent ? "panel" : "panel loaded is-stale"} aria-busy={!found.isCurrent}>
          <Table
            caption="Files that were changed"
            csv={found.address}
            rows={files}
            keyOf={(file) => `${file.project_id} ${file.file_path}`}
            columns={sortingHeads(COLUMNS, USUAL)}
          />
          <MoreRows of={found} what="files" />
        </div>
      )}
    </>
  );
}

function FileName({ file }: { file: Schemas["File"] }) {
  const folder = folderOf(file.file_path);
  const inProject = folderOf(pathInProject(file.file_path, file.project_id));
  return (
    <span class="file-name">
      <a href={historyAddress(file.file_path, file.project_id)} data-item>
        {nameOf(file.file_path)}
      </a>
      {folder && (
        <a class="file-folder" href={historyAddress(`${folder}*`, file.project_id)} title={`The history of ${folder}`}>
          {inProject || "./"}
        </a>
      )}
    </span>
  );
}

/** The history of a path that is known, without looking for it in the list. */
function PathField() {
  const [path, setPath] = useState("");
  const project = parameter("project");
  useEffect(() => setPath(""), [project]);
  return (
    <form
      class="path-field"
      onSubmit={(event) => {
        event.preventDefault();
        if (path.trim()) go(historyAddress(path.trim(), project));
      }}
    >
      <input
        class="input"
        aria-label="A whole path, or a folder with * at its end"
        placeholder={project ? "src/upload.ts, or src/*" : "/home/ann/shop/src/*"}
        value={path}
        onInput={(event) => setPath(event.currentTarget.value)}
        autocomplete="off"
        spellcheck={false}
      />
      <button type="submit" class="button is-small">
        History
      </button>
    </form>
  );
}

function NoFiles() {
  if (extent.value) {
    return (
      <EmptyNote title="No changed file matches.">
        {range.value.name !== "all" && (
          <>
            <a href={rangeAddress("all")}>Look at all days</a> or{" "}
          </>
        )}
        <a href="/files?range=all">show all files</a>
      </EmptyNote>
    );
  }
  return <NothingYet what="no changed file" />;
}
