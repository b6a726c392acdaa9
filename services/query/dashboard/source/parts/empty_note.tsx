/** Nothing to show: why, and what to do next. */

import type { ComponentChildren } from "preact";
import { CopyText } from "./copy_text";

export function EmptyNote({ title, children, command }: { title: string; children?: ComponentChildren; command?: string }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children && <div class="empty-text">{children}</div>}
      {command && <CopyText text={command} />}
    </div>
  );
}
