/** A command or an id that can be copied with one click. */

import { useCopy } from "./use_copy";

export function CopyText({ text, label }: { text: string; label?: string }) {
  const { said, copy } = useCopy(text);
  return (
    <span class="copy">
      <code>{text}</code>
      <button type="button" class="button is-small" onClick={() => void copy()} aria-label={`Copy ${label ?? text}`}>
        {said || "Copy"}
      </button>
    </span>
  );
}
