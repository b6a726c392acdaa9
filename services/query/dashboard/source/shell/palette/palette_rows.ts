/** What the palette offers besides hits: pages, projects, recent searches. */

import { pageAddress } from "../../address/filters";
import { seesTexts } from "../../api/identity";
import { NAVIGATION } from "../navigation_entries";
import type { Match, RankedMatch } from "../../search/use_search";
import { hitAddress } from "../../search/hit";
import { markedWords } from "../../search/snippet";
import { oneOf } from "../../search/understood";

export type Row =
  | { kind: "page"; key: string; label: string; href: string; path: string }
  | { kind: "project"; key: string; badge: string; label: string; about: string; href: string }
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

const MOST_PROJECTS = 5;
const MOST_RECENT = 6;
/** Below hits. */
const MOST_MEANT = 5;
const MOST_VIEWS = 6;

/** Where the page of the search shows the same. */
export function searchAddress(q: string): string {
  return `/search?${new URLSearchParams({ q: q.trim() })}`;
}

/** Commands first where they begin as it is typed, then hits, then sessions that may be meant, then the page with all of them. */
export function groupsOf(typed: string, projects: readonly KnownProject[], views: readonly { id: string; name: string; address: string }[], hits: readonly Match[], meant: readonly RankedMatch[], recent: readonly string[]): Group[] {
  const text = typed.trim().toLowerCase();
  const shown = NAVIGATION.filter((entry) => entry.isShown());
  const pages = shown
    .filter((entry) => !text || beginsAWord(entry.label, text))
    .map((entry): Row => ({ kind: "page", key: `page ${entry.path}`, label: entry.label, href: pageAddress(entry.path), path: entry.icon }));
  const named = projects
    .filter((project) => text && (beginsAWord(nameOf(project), text) || project.path?.toLowerCase().endsWith(text)))
    .slice(0, MOST_PROJECTS)
    .map((project): Row => ({ kind: "project", key: `project ${project.id}`, badge: "project", label: nameOf(project), about: project.path ?? "", href: `/projects/${project.id}` }));
  const saved = views
    .filter((view) => !text || beginsAWord(view.name, text))
    .slice(0, MOST_VIEWS)
    .map((view): Row => ({ kind: "project", key: `view ${view.id}`, badge: "view", label: view.name, about: "", href: view.address }));
  const found = hits.map((hit, index): Row => ({ kind: "hit", key: `${hit.id} ${index}`, hit, href: hitAddress(hit, typed.trim()) }));
  const others = meant
    .slice(0, hits.length > 0 ? MOST_MEANT : undefined)
    .flatMap(({ items }) => items.slice(0, 1).map((hit): Row => ({ kind: "hit", key: `meant ${hit.id}`, hit, href: hitAddress(hit, oneOf(items.flatMap(markedWords)) || null) })));
  const groups: Group[] = text
    ? [
        { title: "Go to", rows: [...pages, ...saved, ...named] },
        { title: "Found", rows: found },
        { title: "Sessions that may be meant", rows: others },
        { title: "", rows: seesTexts.value ? [{ kind: "all", key: "all", label: `Search for “${typed.trim()}” with filters`, href: searchAddress(typed) }] : [] },
      ]
    : [
        { title: "Recent searches", rows: seesTexts.value ? recent.slice(0, MOST_RECENT).map((q): Row => ({ kind: "recent", key: `recent ${q}`, label: q })) : [] },
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
