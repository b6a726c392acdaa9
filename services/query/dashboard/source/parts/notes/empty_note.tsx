/** Nothing to show: why, and what to do next. As a page of its own its title is the page's. */

import type { ComponentChildren } from "preact";
import { CopyText } from "../text/copy_text";

export function EmptyNote({ title, children, command, isPage }: { title: string; children?: ComponentChildren; command?: string; isPage?: boolean }) {
  return (
    <div class="empty">
      {isPage ? <h1>{title}</h1> : <p class="empty-title">{title}</p>}
      {command && <CopyText text={command} />}
      {children && <div class="empty-text">{children}</div>}
    </div>
  );
}
