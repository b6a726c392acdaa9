/** Whether the page is being printed: then lists have all rows that are loaded, not those on the screen alone. */

import { signal } from "@preact/signals";

export const isPrinting = signal(false);

// What a signal changes is rendered before the browser lays out the paper.
window.addEventListener("beforeprint", () => (isPrinting.value = true));
window.addEventListener("afterprint", () => (isPrinting.value = false));
