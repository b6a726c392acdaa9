/** One thing that was found: what it is, where, the words in their place; a link to it. */

import { projectName } from "../format/names";
import { plural } from "../format/quantities";
import { Time } from "../parts/time";
import { Snippet, markedWords } from "./snippet";
import type { Match } from "./use_search";

const MOST_WORDS = 8;

/** Where a hit leads: to its place in the session, or to the history of a file. `within` is what finds its like in that session. */
export function hitAddress(hit: Match, within: string | null = null): string {
  if (hit.kind === "file" && hit.path) return fileAddress(hit.path, hit.project_id);
  const place = hit.timeline_id ?? (hit.kind === "message" || hit.kind === "tool_call" ? hit.id : null);
  return foundSession(hit.session_id ?? "", within, place ? placeOf(place, hit) : []);
}

/** The history of a file. */
export function fileAddress(path: string, project: number | null): string {
  const search = new URLSearchParams({ path });
  if (project != null) search.set("project", String(project));
  return `/files?${search}`;
}

/** A session, with the search whose hits one goes through in it. */
export function foundSession(id: string, within: string | null, place: [string, string][] = []): string {
  const search = new URLSearchParams(within ? [...place, ["q", within]] : place).toString();
  return `/sessions/${encodeURIComponent(id)}${search && `?${search}`}`;
}

/** Where a hit stands in its session, as parameters of that page: the item, the subagent whose it is, and the words to mark. */
export function placeOf(at: string, hit: Pick<Match, "agent_id" | "snippet">): [string, string][] {
  const words = markedWords(hit).slice(0, MOST_WORDS);
  return [["at", at], ...(hit.agent_id ? [["thread", hit.agent_id] as [string, string]] : []), ...words.map((word): [string, string] => ["mark", word])];
}

export function hitLabel(hit: Match): string {
  switch (hit.kind) {
    case "message":
      return hit.role === "user" ? "Prompt" : "Answer";
    case "tool_call":
      return hit.tool_name ?? "Tool call";
    case "file":
      return "File";
    case "session":
      return hit.matched_in.includes("title") ? "Title" : hit.matched_in.includes("note") ? "Note" : hit.matched_in.includes("tag") ? "Tag" : "Branch";
    case "timeline_entry":
      return capitalised((hit.role ?? "event").replaceAll("_", " "));
  }
}

function capitalised(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

export function Hit({ hit, isInSession = false, within = null }: { hit: Match; isInSession?: boolean; within?: string | null }) {
  return (
    <a class="hit" href={hitAddress(hit, within)} data-item>
      <span class="hit-head">
        <HitKind hit={hit} />
        {!isInSession && <span class="hit-session">{hit.session_title ?? (hit.project_id === null ? "No session" : projectName(hit.project_id, hit.project_name))}</span>}
        <span class="hit-facts">
          {!isInSession && hit.project_name && <span class="hit-project">{projectName(hit.project_id, hit.project_name)}</span>}
          {!isInSession && hit.user && <span class="hit-user">{hit.user}</span>}
          <Time at={hit.timestamp} />
        </span>
      </span>
      {hit.before && <Neighbour of={hit.before} />}
      <span class={`hit-text is-${hit.kind}`}>
        <Snippet of={hit.snippet} />
      </span>
      {hit.after && <Neighbour of={hit.after} />}
      {!!hit.similar && <span class="hit-similar">{plural(hit.similar, "other")} in this session {hit.similar === 1 ? "shows" : "show"} the same.</span>}
    </a>
  );
}

export function HitKind({ hit }: { hit: Match }) {
  return (
    <span class="hit-kind">
      {hitLabel(hit)}
      {hit.is_error && <span class="badge is-bad">failed</span>}
      {hit.agent_id && <span class="badge">subagent</span>}
    </span>
  );
}

function Neighbour({ of }: { of: NonNullable<Match["before"]> }) {
  return (
    <span class="hit-neighbour">
      <b>{of.role === "user" ? "Prompt" : "Answer"}</b> {of.content}
    </span>
  );
}
