/** Keys that work everywhere: `g` and a letter go to a page, `/` and Cmd+K search, `?` shows the list. Lists take j, k and Enter. */

import { signal } from "@preact/signals";
import { pageAddress } from "../address/filters";
import { go } from "../address/address";
import { NAVIGATION } from "./navigation_entries";

export const isHelpOpen = signal(false);
export const isSearchOpen = signal(false);

/** A key that only the shown page has. */
export interface PageKey {
  key: string;
  what: string;
  /** Left out where the page itself listens: it is told alone. */
  run?: () => void;
}

/** The keys of the shown page; it sets them, and takes them away when it goes. */
export const pageKeys = signal<readonly PageKey[]>([]);

const SEQUENCE_MS = 1_200;

export function listenToKeys(): void {
  let startedAt = 0;
  document.addEventListener("keydown", (event) => {
    if ((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      isSearchOpen.value = true;
      return;
    }
    if (event.metaKey || event.ctrlKey || event.altKey || isTyping(event.target)) return;
    if (Date.now() - startedAt < SEQUENCE_MS) {
      startedAt = 0;
      const entry = NAVIGATION.find((each) => each.key === event.key);
      if (entry) go(pageAddress(entry.path));
      return;
    }
    const run = pageKeys.value.find((each) => each.key === event.key)?.run;
    if (run && document.querySelector("dialog[open]") === null) {
      event.preventDefault();
      run();
    } else if (event.key === "g") startedAt = Date.now();
    else if (event.key === "?") isHelpOpen.value = true;
    else if (event.key === "/") {
      event.preventDefault();
      isSearchOpen.value = true;
    } else if (event.key === "j" || event.key === "k") moveInList(event.key === "j" ? 1 : -1);
  });
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName));
}

/** Moves the focus among the page's elements with `data-item`; in a list at the side, within that alone. */
function moveInList(step: 1 | -1): void {
  const side = document.activeElement?.closest("[data-items]") ?? null;
  const items = [...document.querySelectorAll<HTMLElement>("[data-item]")].filter((item) => item.closest("[data-items]") === side);
  const at = items.findIndex((item) => item.contains(document.activeElement));
  const next = items[at < 0 ? (step > 0 ? 0 : items.length - 1) : Math.min(items.length - 1, Math.max(0, at + step))];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}
