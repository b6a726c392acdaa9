/** One line of the palette. */

import { projectName } from "../../format/names";
import { Time } from "../../parts/time";
import { HitKind } from "../../search/hit";
import { Snippet } from "../../search/snippet";
import type { Row } from "./palette_rows";

interface Props {
  row: Row;
  id: string;
  isActive: boolean;
  onPoint: () => void;
  onOpen: () => void;
}

export function PaletteRow({ row, id, isActive, onPoint, onOpen }: Props) {
  const content = <Content row={row} />;
  const option = { id, role: "option" as const, "aria-selected": isActive, class: `palette-row is-${row.kind}`, tabIndex: -1, onMouseMove: isActive ? undefined : onPoint };
  if (row.kind === "recent") {
    return (
      <div {...option} onClick={onOpen}>
        {content}
      </div>
    );
  }
  return (
    <a
      {...option}
      href={row.href}
      onClick={(event) => {
        // With a key held down the browser opens another tab, and the palette stays.
        if (event.metaKey || event.ctrlKey || event.shiftKey) return;
        event.preventDefault();
        onOpen();
      }}
    >
      {content}
    </a>
  );
}

function Content({ row }: { row: Row }) {
  switch (row.kind) {
    case "page":
      return (
        <>
          <svg viewBox="0 0 24 24" aria-hidden="true">
            <path d={row.path} />
          </svg>
          <span class="palette-label">{row.label}</span>
        </>
      );
    case "named":
      return (
        <>
          <span class="badge">{row.badge}</span>
          <span class="palette-label">{row.label}</span>
          <span class="palette-about">{row.about}</span>
        </>
      );
    case "recent":
    case "all":
      return <span class="palette-label">{row.label}</span>;
    case "hit":
      return (
        <>
          <span class="palette-hit-head">
            <HitKind hit={row.hit} />
            <span class="palette-about">{row.hit.session_title ?? projectName(row.hit.project_id, row.hit.project_name)}</span>
            <Time at={row.hit.timestamp} />
          </span>
          <span class={`hit-text is-${row.hit.kind}`}>
            <Snippet of={row.hit.snippet} />
          </span>
        </>
      );
  }
}
