/** The page's address is its state: which page, which filters. Every view is a link, and back goes back. */

import { computed, signal } from "@preact/signals";

interface Address {
  path: string;
  parameters: URLSearchParams;
}

export const address = signal<Address>(current());
/** The parts of the path: ["projects", "3"]. */
export const parts = computed(() => address.value.path.split("/").filter(Boolean).map(decoded));

/** Whether the viewer came here by back or forward: pages then stand where they stood. */
export let isRevisit = false;

function current(): Address {
  return { path: location.pathname, parameters: new URLSearchParams(location.search) };
}

/** A part of a path that is no escaped text stands as it is: nothing has this name. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** Which page it is, whatever its filters. The history of a file is a page of its own. */
export function placeOf({ path, parameters }: Address): string {
  return `${path} ${parameters.get("path") ?? ""}`;
}

/** Goes to a page of the dashboard. The zone that the address names goes along, unless `keepsZone` is false. */
export function go(to: string, options: { replace?: boolean; keepsZone?: boolean } = {}): void {
  const href = options.keepsZone === false ? to : withZone(to);
  const same = href === location.pathname + location.search + location.hash;
  // Each entry of the history has a name, by which a page knows where it stood.
  if (options.replace || same) history.replaceState(history.state, "", href);
  else history.pushState(Math.random(), "", href);
  const path = address.peek().path;
  isRevisit = false;
  address.value = current();
  if (location.pathname !== path && !location.hash) window.scrollTo(0, 0);
}

/** The address with the zone that this page's address names: what somebody shared stays as it was shared, on every page. */
function withZone(href: string): string {
  const zone = address.peek().parameters.get("tz");
  const url = new URL(href, location.href);
  if (!zone || url.searchParams.has("tz")) return href;
  url.searchParams.set("tz", zone);
  return url.pathname + url.search + url.hash;
}

export function parameter(name: string): string | null {
  return address.value.parameters.get(name);
}

/** The address of `path` (default: this page) with these parameters changed; null or "" takes one out. */
export function withParameters(changes: Record<string, string | null>, path = address.value.path, from = address.value.parameters): string {
  const search = new URLSearchParams(from);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === "") search.delete(name);
    else search.set(name, value);
  }
  const text = search.toString();
  return text ? `${path}?${text}` : path;
}

/** Lets links within the dashboard change the page without loading it anew. */
export function followLinks(): void {
  window.addEventListener("popstate", () => {
    isRevisit = true;
    address.value = current();
  });
  for (const kind of ["click", "auxclick"] as const) document.addEventListener(kind, follow);
}

function follow(event: MouseEvent): void {
  const link = (event.target as Element).closest?.("a");
  // Of a link in a picture `href` is no text.
  const href = link?.getAttribute("href");
  if (!link || !href || event.defaultPrevented) return;
  const url = new URL(href, location.href);
  if (url.origin !== location.origin || link.target || link.hasAttribute("download") || !isPage(url.pathname)) return;
  const to = url.pathname + url.search + url.hash;
  if (event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey) {
    event.preventDefault();
    go(to);
  } else {
    // The browser opens another tab with what stands there when this event is over.
    link.setAttribute("href", withZone(to));
    window.setTimeout(() => link.setAttribute("href", href));
  }
}

/** The first part of each page's path. services/query/http/dashboard_files.py answers these with the page. */
export const PAGES = ["overview", "days", "projects", "sessions", "search", "files", "tools", "usage", "advice", "compare", "imports", "health", "settings"] as const;

function isPage(path: string): boolean {
  const first = path.split("/")[1] ?? "";
  return first === "" || (PAGES as readonly string[]).includes(first);
}
