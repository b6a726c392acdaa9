/** The pages at the side, or at the bottom of a phone. */

import { address } from "../address/address";
import { pageAddress } from "../address/filters";
import { logOut, me } from "../api/identity";
import { isHelpOpen, isSearchOpen } from "./keyboard";
import { NAVIGATION } from "./navigation_entries";
import { type Theme, setTheme, theme } from "./theme";

export function Navigation() {
  const first = `/${address.value.path.split("/")[1] ?? ""}`;
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
        {NAVIGATION.filter((entry) => entry.isShown()).map((entry) => (
          <li key={entry.path}>
            <a href={pageAddress(entry.path)} aria-current={first === entry.path ? "page" : undefined} title={`g ${entry.key}`}>
              <svg viewBox="0 0 24 24" aria-hidden="true">
                <path d={entry.icon} />
              </svg>
              <span>{entry.label}</span>
            </a>
          </li>
        ))}
      </ul>
      <div class="navigation-foot">
        <a href="/docs">API</a>
        <button type="button" class="button is-quiet is-small" onClick={() => (isHelpOpen.value = true)} aria-label="Keys of this page">
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
    </nav>
  );
}
