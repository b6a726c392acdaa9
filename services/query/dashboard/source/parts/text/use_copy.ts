/** Copies a text, and says for a moment that it did. */

import { useState } from "preact/hooks";

const SAID_MS = 1_500;

/** What is said now ("" for nothing), and the copying. `failed` is said where the page may not write to the clipboard: neither on localhost nor over https. */
export function useCopy(text: string, failed = "select it and copy it by hand"): { said: string; copy: () => Promise<void> } {
  const [said, setSaid] = useState("");

  async function copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(text);
      setSaid("Copied");
    } catch {
      setSaid(failed);
    }
    window.setTimeout(() => setSaid(""), SAID_MS);
  }

  return { said, copy };
}
