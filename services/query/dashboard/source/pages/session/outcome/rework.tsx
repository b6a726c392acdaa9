/** In which turns each file was changed, and which files were done over: a map, whose rows are a table. */

import { useState } from "preact/hooks";
import type { Schemas } from "../../../api/answers";
import { useRead } from "../../../api/use_read";
import { count, plural } from "../../../format/quantities";
import { ProblemNote } from "../../../parts/notes/problem_note";
import { Table } from "../../../parts/tables/table";
import { type Turn, itemAddress } from "../timeline/story";
import { shortPath } from "./outcome";

const MOST_FILES = 25;
const MOST_CHANGES = 1_000;
// A mark is at least so wide, as a share of the map.
const LEAST_WIDTH = 1 / 150;

// By how much they say of a change; each is higher in the map than the one before.
const KINDS = ["changed", "again in a later turn, after a commit", "again in a later turn, after tests or a build had failed"] as const;

interface Props {
  sessionId: string;
  commits: Schemas["SessionOutcome"]["commits"];
  turns: readonly Turn[];
  projectPath: string | null;
}

export function Rework(props: Props) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details class="outcome-fold rework-fold" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <strong>Files by turn</strong>: where each was changed, and where again after a failed check or a commit
      </summary>
      {isOpen && <ReworkMap {...props} />}
    </details>
  );
}

function ReworkMap({ sessionId, commits, turns, projectPath }: Props) {
  const changes = useRead("/api/activities", { session_id: sessionId, limit: MOST_CHANGES });
  const tests = useRead("/api/tool-calls", { session_id: sessionId, error_class: "test_failed", limit: MOST_CHANGES });
  const builds = useRead("/api/tool-calls", { session_id: sessionId, error_class: "build_failed", limit: MOST_CHANGES });
  const failed = [changes, tests, builds].find((each) => each.problem);
  if (failed?.problem) return <ProblemNote problem={failed.problem} again={failed.again} />;
  if (!changes.data || !tests.data || !builds.data) return <p class="quiet" role="status">Reading the changes …</p>;
  const files = filesOf(changes.data.items, turns, timesOf(commits), timesOf([...tests.data.items, ...builds.data.items]));
  const reworked = files.filter((file) => file.again > 0).length;
  const width = Math.max(1, turns.length * LEAST_WIDTH);
  return (
    <>
      <p class="quiet">
        {count(reworked)} of {plural(files.length, "file")} had to be changed again in a later turn, after a check had failed or a commit was made. Those stand first.
        {changes.data.next_cursor !== null && ` Of the newest ${count(MOST_CHANGES)} changes.`}
      </p>
      <p class="chart-legend">
        {KINDS.map((text, kind) => (
          <span key={kind} class="legend">
            <i class={`legend-mark is-kind-${kind}`} /> {text}
          </span>
        ))}
      </p>
      <Table
        caption="Files by turn"
        keyOf={(file) => file.path}
        rows={files.slice(0, MOST_FILES)}
        all={files}
        foot={files.length > MOST_FILES && <span class="quiet">and {plural(files.length - MOST_FILES, "more file")}; CSV has them</span>}
        columns={[
          { title: "File", cell: (file) => <a href={`/files?path=${encodeURIComponent(file.path)}`}>{shortPath(file.path, projectPath)}</a>, sortBy: (file) => file.path },
          {
            title: `Turn ${count(turns[0]?.number)} to ${count(turns.at(-1)?.number)}`,
            csvTitle: "In turns",
            isWide: true,
            sortBy: (file) => [...file.turns.keys()].map((at) => turns[at]?.number).join(" "),
            cell: (file) => (
              <svg class="rework" viewBox={`0 0 ${turns.length} 3`} preserveAspectRatio="none" aria-hidden="true">
                {[...file.turns].map(([at, kind]) => (
                  <a key={at} href={itemAddress(turns[at]?.first_item_id ?? "start")} tabIndex={-1}>
                    <rect class={`is-kind-${kind}`} x={Math.min(at, turns.length - width)} width={width} y={2 - kind} height={1 + kind}>
                      <title>{`Turn ${turns[at]?.number}: ${KINDS[kind]}`}</title>
                    </rect>
                  </a>
                ))}
              </svg>
            ),
          },
          { title: "Turns", isNumber: true, isMinor: true, cell: (file) => count(file.turns.size) },
          { title: "After failed checks", isNumber: true, cell: (file) => count(kindsIn(file, 2)) },
          { title: "After commits", isNumber: true, isMinor: true, cell: (file) => count(kindsIn(file, 1)) },
        ]}
      />
    </>
  );
}

interface FileTurns {
  path: string;
  /** By the place of the turn: what KINDS says of it. */
  turns: Map<number, number>;
  /** In how many turns it was done over. */
  again: number;
}

const kindsIn = (file: FileTurns, kind: number) => [...file.turns.values()].filter((each) => each === kind).length;

function timesOf(events: readonly { timestamp: string | null }[]): number[] {
  return events.flatMap(({ timestamp }) => (timestamp ? [Date.parse(timestamp)] : []));
}

/** The files, those that were done over most first. */
function filesOf(changes: readonly Schemas["FileActivity"][], turns: readonly Turn[], commits: readonly number[], failures: readonly number[]): FileTurns[] {
  const starts = turns.map((turn) => (turn.start_time ? Date.parse(turn.start_time) : Infinity));
  const files = new Map<string, FileTurns>();
  const lastChange = new Map<string, { time: number; turn: number }>();
  for (const { file_path: path, timestamp } of changes.toReversed()) {
    if (!path || !timestamp) continue;
    const time = Date.parse(timestamp);
    const turn = Math.max(0, starts.findLastIndex((start) => start <= time));
    const before = lastChange.get(path);
    const isSince = (times: readonly number[]) => times.some((each) => before !== undefined && before.turn < turn && before.time < each && each < time);
    const file = files.get(path) ?? { path, turns: new Map(), again: 0 };
    file.turns.set(turn, Math.max(file.turns.get(turn) ?? 0, isSince(failures) ? 2 : isSince(commits) ? 1 : 0));
    files.set(path, file);
    lastChange.set(path, { time, turn });
  }
  for (const file of files.values()) file.again = [...file.turns.values()].filter(Boolean).length;
  return [...files.values()].sort((a, b) => b.again - a.again || b.turns.size - a.turns.size);
}
