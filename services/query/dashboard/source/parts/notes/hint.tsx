/** A term with its definition, shown at the pointer, on focus, and on a tap. */

import type { ComponentChildren } from "preact";
import { useId, useState } from "preact/hooks";

export function Hint({ text, children }: { text: string; children: ComponentChildren }) {
  const [isOpen, setOpen] = useState(false);
  const id = useId();
  return (
    <span class="hint" onMouseEnter={() => setOpen(true)} onMouseLeave={() => setOpen(false)}>
      <button
        type="button"
        class="hint-term"
        aria-describedby={isOpen ? id : undefined}
        onFocus={() => setOpen(true)}
        onBlur={() => setOpen(false)}
        onClick={() => setOpen(true)}
        onKeyDown={(event) => {
          if (event.key === "Escape") setOpen(false);
        }}
      >
        {children}
      </button>
      {isOpen && (
        <span class="hint-text" role="tooltip" id={id}>
          {text}
        </span>
      )}
    </span>
  );
}
