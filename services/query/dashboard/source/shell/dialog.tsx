/** A box over the page. Escape and a click beside it close it; the focus stays inside. */

import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

export function Dialog({ label, onClose, children, class: extra = "" }: { label: string; onClose: () => void; children: ComponentChildren; class?: string }) {
  const box = useRef<HTMLDialogElement>(null);
  const isGone = useRef(false);
  // Before the next key is pressed.
  useLayoutEffect(() => {
    const dialog = box.current;
    dialog?.showModal();
    return () => {
      // The focus goes back to where it was. The event of this comes later, and means nothing then.
      isGone.current = true;
      dialog?.close();
    };
  }, []);
  return (
    <dialog
      ref={box}
      class={`dialog ${extra}`}
      aria-label={label}
      onClose={() => {
        if (!isGone.current) onClose();
      }}
      onKeyDown={(event) => {
        // The browser closes it first and says so in a later event: a key pressed in between would meet a box that is gone and still counts as open.
        if (event.key !== "Escape" || event.isComposing || event.defaultPrevented) return;
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => {
        if (event.target === box.current) onClose();
      }}
    >
      {children}
    </dialog>
  );
}
