/** A titled box of a page. */

import type { ComponentChildren } from "preact";
import type { Reading } from "../api/use_read";
import { ProblemNote } from "./notes/problem_note";
import { CsvLink } from "./tables/csv_link";

interface Props {
  title: string;
  /** What is shown, in a few words: the unit, the zone. */
  about?: ComponentChildren;
  /** Switches and links at the right. */
  actions?: ComponentChildren;
  /** The address of the list that it shows, where that is no table: it gives the list as CSV. */
  csv?: string | null;
  children: ComponentChildren;
  class?: string;
}

export function Panel({ title, about, actions, csv, children, class: extra = "" }: Props) {
  return (
    <section class={`panel ${extra}`} aria-label={title}>
      <header class="panel-head">
        <h2>{title}</h2>
        {about && <span class="panel-about">{about}</span>}
        {(actions || csv) && (
          <span class="panel-actions">
            {actions}
            {csv && <CsvLink of={csv} />}
          </span>
        )}
      </header>
      {children}
    </section>
  );
}

/** What `reading` has, once it is there; until then its outline, and in words what went wrong. */
export function Loaded<T>({ reading, what, height, children }: { reading: Reading<T>; what: string; height?: number; children: (data: T) => ComponentChildren }) {
  const { data, problem, isCurrent, again } = reading;
  return (
    <>
      {problem && <ProblemNote problem={problem} again={again} />}
      {data !== null && <div class={isCurrent ? "loaded" : "loaded is-stale"} aria-busy={!isCurrent}>{children(data)}</div>}
      {data === null && !problem && (
        <div class="outline" style={{ minHeight: `${height ?? 120}px` }} role="status">
          Reading {what} …
        </div>
      )}
    </>
  );
}
