/** What the palette offers besides hits: pages, days, projects, files, commits, the last sessions, recent searches. */

import { pageAddress } from "../../address/filters";
import { zone } from "../../address/range";
import { seesTexts } from "../../api/identity";
import { longDayText, today } from "../../format/days";
import { projectName } from "../../format/names";
import { timeText } from "../../format/times";
import { NAVIGATION } from "../navigation_entries";
import type { Match, RankedMatch } from "../../search/use_search";
import { fileAddress, hitAddress } from "../../search/hit";
import { markedWords } from "../../search/snippet";
import { oneOf } from "../../search/understood";
import { namedDay } from "./named_day";

export type Row =
  | { kind: "page"; key: string; label: string; href: string; path: string }
  | { kind: "named"; key: string; badge: string; label: string; about: string; href: string }
  | { kind: "recent"; key: string; label: string }
  | { kind: "hit"; key: string; hit: Match; href: string }
  | { kind: "all"; key: string; label: string; href: string };

export interface Group {
  title: string;
  rows: Row[];
}

export interface KnownProject {
  id: number;
  name: string | null;
  path: string | null;
}

/** What is offered by name. */
export interface Known {
  projects: readonly KnownProject[];
  views: readonly { id: string; name: string; address: string }[];
  files: readonly { file_path: string; project_id: number | null }[];
  /** The calls that made them. */
  commits: readonly Match[];
  sessions: readonly { session_id: string; title: string | null; project_id: number | null; project_name: string | null; start_time: string | null }[];
  recent: readonly string[];
}

const MOST_PROJECTS = 5;
const MOST_RECENT = 6;
/** Below hits. */
const MOST_MEANT = 5;
const MOST_VIEWS = 6;

/** Where the page of the search shows the same. */
export function searchAddress(q: string): string {
  return `/search?${new URLSearchParams({ q: q.trim() })}`;
}

/** A day and commands first where they begin as it is typed, then hits, files, sessions that may be meant, and the page with all of them. */
export function groupsOf(typed: string, { projects, views, files, commits, sessions, recent }: Known, hits: readonly Match[], meant: readonly RankedMatch[]): Group[] {
  const text = typed.trim().toLowerCase();
  const shown = NAVIGATION.filter((entry) => entry.isShown());
  const day = namedDay(text, today(zone.value));
  const days = shown
    .filter((entry) => day && entry.path === "/days")
    .map((entry): Row => ({ kind: "page", key: "day", label: longDayText(day ?? ""), href: `/days/${day}`, path: entry.icon }));
  const pages = shown
    .filter((entry) => !text || beginsAWord(entry.label, text))
    .map((entry): Row => ({ kind: "page", key: `page ${entry.path}`, label: entry.label, href: pageAddress(entry.path), path: entry.icon }));
  const ofProjects = projects
    .filter((project) => text && (beginsAWord(nameOf(project), text) || project.path?.toLowerCase().endsWith(text)))
    .slice(0, MOST_PROJECTS)
    .map((project): Row => ({ kind: "named", key: `project ${project.id}`, badge: "project", label: nameOf(project), about: project.path ?? "", href: `/projects/${project.id}` }));
  const saved = views
    .filter((view) => !text || beginsAWord(view.name, text))
    .slice(0, MOST_VIEWS)
    .map((view): Row => ({ kind: "named", key: `view ${view.id}`, badge: "view", label: view.name, about: "", href: view.address }));
  const rowOf = (hit: Match, index: number): Row => ({ kind: "hit", key: `${hit.id} ${index}`, hit, href: hitAddress(hit, typed.trim()) });
  // Each once: commits and files have groups of their own.
  const named = new Set([...commits.map((hit) => hit.id), ...files.map((file) => file.file_path)]);
  const found = hits.filter((hit) => !named.has(hit.id) && !(hit.kind === "file" && named.has(hit.path ?? ""))).map(rowOf);
  const others = meant
    .slice(0, hits.length > 0 ? MOST_MEANT : undefined)
    .flatMap(({ items }) => items.slice(0, 1).map((hit): Row => ({ kind: "hit", key: `meant ${hit.id}`, hit, href: hitAddress(hit, oneOf(items.flatMap(markedWords)) || null) })));
  const last = sessions.map((each): Row => ({
    kind: "named", key: `session ${each.session_id}`, badge: "session", label: each.title ?? "Without a title",
    about: `${projectName(each.project_id, each.project_name)} · ${timeText(each.start_time)}`, href: `/sessions/${encodeURIComponent(each.session_id)}`,
  }));
  const changed = files
    .filter((file) => file.file_path.toLowerCase().includes(text))
    .map((file): Row => ({ kind: "named", key: `file ${file.project_id} ${file.file_path}`, badge: "file", label: file.file_path.split(/[\\/]/).at(-1) ?? "", about: file.file_path, href: fileAddress(file.file_path, file.project_id) }));
  const [ofFiles, ofHits] = [{ title: "Files", rows: changed }, { title: "Found", rows: found }];
  const isPath = /[./\\]/.test(text);
  const groups: Group[] = text
    ? [
        { title: "Go to", rows: [...days, ...pages, ...saved, ...ofProjects] },
        { title: "Commits", rows: day ? [] : commits.map(rowOf) },
        ...(isPath ? [ofFiles, ofHits] : [ofHits, ofFiles]),
        { title: "Sessions that may be meant", rows: others },
        { title: "", rows: seesTexts.value ? [{ kind: "all", key: "all", label: `Search for “${typed.trim()}” with filters`, href: searchAddress(typed) }] : [] },
      ]
    : [
        { title: "Recent searches", rows: seesTexts.value ? recent.slice(0, MOST_RECENT).map((q): Row => ({ kind: "recent", key: `recent ${q}`, label: q })) : [] },
        { title: "Last sessions", rows: last },
        { title: "Saved views", rows: saved },
        { title: "Go to", rows: pages },
      ];
  return groups.filter((group) => group.rows.length > 0);
}

function nameOf(project: KnownProject): string {
  return project.name ?? `Project ${project.id}`;
}

function beginsAWord(name: string, text: string): boolean {
  const folded = name.toLowerCase();
  return folded.startsWith(text) || folded.split(/[^\p{L}\p{N}]+/u).some((word) => word.startsWith(text));
}
