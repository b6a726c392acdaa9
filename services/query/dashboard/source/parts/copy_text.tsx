/** A command or an id that can be copied with one click. */

import { useState } from "preact/hooks";

const SAID_MS = 1_500;

export function CopyText({ text, label }: { text: string; label?: string }) {
  const [said, setSaid] = useState("");

  async function copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(text);
      setSaid("copied");
    } catch {
      // A page that is not served from localhost or over https may not write to the clipboard.
      setSaid("select it and copy it by hand");
    }
    window.setTimeout(() => setSaid(""), SAID_MS);
  }

  return (
    <span class="copy">
      <code>{text}</code>
      <button type="button" class="button is-small" onClick={copy} aria-label={`Copy ${label ?? text}`}>
        {said || "Copy"}
      </button>
    </span>
  );
}
