/** The pages at the side; on a phone the first five at the bottom, and the others behind "More". */

import { signal } from "@preact/signals";
import { address } from "../address/address";
import { pageAddress } from "../address/filters";
import { logOut, me } from "../api/identity";
import { Dialog } from "./dialog";
import { isHelpOpen, isSearchOpen } from "./keyboard";
import { type Entry, NAVIGATION } from "./navigation_entries";
import { hasViews, isViewsOpen, useViews } from "./saved_views";
import { type Theme, setTheme, theme } from "./theme";

/** So many pages have a place at the bottom of a phone. */
const ON_A_PHONE = 5;
const MOST_VIEWS = 5;

const isMoreOpen = signal(false);

export function Navigation() {
  const shown = NAVIGATION.filter((entry) => entry.isShown());
  const isHidden = shown.slice(ON_A_PHONE).some(isCurrent);
  return (
    <nav class="navigation" aria-label="Pages">
      <a class="brand" href="/">
        <svg viewBox="0 0 32 32" aria-hidden="true">
          <rect width="32" height="32" rx="8" />
          <path d="M7 20l5-7 4 5 3-9 6 11" />
        </svg>
        <span>Tracker</span>
      </a>
      <button type="button" class="search-button" onClick={() => (isSearchOpen.value = true)}>
        <span>Search</span> <kbd>/</kbd>
      </button>
      <ul>
        {shown.map((entry, index) => (
          <li key={entry.path} class={index >= ON_A_PHONE ? "is-behind-more" : undefined}>
            <PageLink entry={entry} />
          </li>
        ))}
        <li class="navigation-more">
          <button type="button" class={isHidden ? "is-current" : undefined} aria-haspopup="dialog" aria-expanded={isMoreOpen.value} onClick={() => (isMoreOpen.value = true)}>
            <svg viewBox="0 0 24 24" aria-hidden="true">
              <path d="M4 7h16M4 12h16M4 17h16" />
            </svg>
            <span>More</span>
          </button>
        </li>
      </ul>
      {hasViews.value && <ViewLinks />}
      <Foot />
      {isMoreOpen.value && <More entries={shown.slice(ON_A_PHONE)} />}
    </nav>
  );
}

/** The page of one project or session belongs to the list of all. */
function isCurrent(entry: Entry): boolean {
  return entry.path === `/${address.value.path.split("/")[1] ?? ""}`;
}

function PageLink({ entry, onClick }: { entry: Entry; onClick?: () => void }) {
  return (
    <a href={pageAddress(entry.path)} aria-current={isCurrent(entry) ? "page" : undefined} title={`g ${entry.key}`} onClick={onClick}>
      <svg viewBox="0 0 24 24" aria-hidden="true">
        <path d={entry.icon} />
      </svg>
      <span>{entry.label}</span>
    </a>
  );
}

function More({ entries }: { entries: readonly Entry[] }) {
  const close = () => (isMoreOpen.value = false);
  return (
    <Dialog label="More pages" onClose={close} class="sheet">
      <ul>
        {entries.map((entry) => (
          <li key={entry.path}>
            <PageLink entry={entry} onClick={close} />
          </li>
        ))}
      </ul>
      {hasViews.value && <ViewsButton />}
      <Foot />
      <button type="button" class="button sheet-close" onClick={close}>
        Close
      </button>
    </Dialog>
  );
}

/** The first saved views, and the way to all. */
function ViewLinks() {
  return (
    <div class="navigation-views">
      <ViewsButton />
      {useViews()
        .data?.items.slice(0, MOST_VIEWS)
        .map((view) => (
          <a key={view.id} href={view.address}>
            {view.name}
          </a>
        ))}
    </div>
  );
}

function ViewsButton() {
  return (
    <button
      type="button"
      class="button is-quiet is-small"
      onClick={() => {
        isMoreOpen.value = false;
        isViewsOpen.value = true;
      }}
    >
      Saved views …
    </button>
  );
}

function Foot() {
  return (
    <div class="navigation-foot">
      <a href="/docs">API</a>
      <button
        type="button"
        class="button is-quiet is-small key-help"
        onClick={() => {
          isMoreOpen.value = false;
          isHelpOpen.value = true;
        }}
        aria-label="Keys of this page"
      >
        ?
      </button>
      <label>
        <span class="only-read">Theme</span>
        <select value={theme.value} onChange={(event) => setTheme(event.currentTarget.value as Theme)}>
          <option value="system">System</option>
          <option value="light">Light</option>
          <option value="dark">Dark</option>
        </select>
      </label>
      {me.value?.key && (
        <button type="button" class="button is-quiet is-small" onClick={() => void logOut()} title={`Logged in with the key ${me.value.key.name ?? me.value.key.key_id}`}>
          Log out
        </button>
      )}
    </div>
  );
}
