/** What was searched in this browser, the newest first. It never leaves the browser. */

import { signal } from "@preact/signals";

const PLACE = "tracker.searches";
const MOST = 12;

export const recentSearches = signal<readonly string[]>(stored());

function stored(): string[] {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(PLACE) ?? "[]");
    return Array.isArray(found) ? found.filter((each) => typeof each === "string").slice(0, MOST) : [];
  } catch {
    // Somebody else wrote it; it is written anew at the next search.
    return [];
  }
}

export function rememberSearch(q: string): void {
  const text = q.trim();
  if (text.length < 2) return;
  recentSearches.value = [text, ...recentSearches.peek().filter((each) => each !== text)].slice(0, MOST);
  localStorage.setItem(PLACE, JSON.stringify(recentSearches.peek()));
}

export function forgetSearches(): void {
  recentSearches.value = [];
  localStorage.removeItem(PLACE);
}
