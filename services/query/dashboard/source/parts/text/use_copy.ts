/** Copies a text, and says for a moment that it did. */

import { useState } from "preact/hooks";

const SAID_MS = 1_500;

/** What is said now ("" for nothing), and the copying, which gives whether it could. `failed` is said where the page may not write to the clipboard: neither on localhost nor over https. */
export function useCopy(text: string, failed = "select it and copy it by hand"): { said: string; copy: () => Promise<boolean> } {
  const [said, setSaid] = useState("");

  async function copy(): Promise<boolean> {
    let isCopied = true;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      isCopied = false;
    }
    setSaid(isCopied ? "Copied" : failed);
    window.setTimeout(() => setSaid(""), SAID_MS);
    return isCopied;
  }

  return { said, copy };
}
