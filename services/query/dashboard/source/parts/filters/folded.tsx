/** On a phone, filters behind one button that says how many are set. Paper is as narrow and has no buttons: there they are shown. */

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { PHONE, useMedia } from "../use_media";

export function Folded({ set, children }: { set: number; children: ComponentChildren }) {
  const isPhone = useMedia(`screen and ${PHONE}`);
  const [isOpen, setOpen] = useState(false);
  if (!isPhone) return <>{children}</>;
  return (
    <>
      <button type="button" class="button is-small" aria-expanded={isOpen} aria-pressed={set > 0} onClick={() => setOpen(!isOpen)}>
        {set > 0 ? `Filters: ${set} set` : "Filters"}
      </button>
      {isOpen && <div class="folded">{children}</div>}
    </>
  );
}
