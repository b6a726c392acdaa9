/** The list of keys. */

import { Dialog } from "./dialog";
import { isHelpOpen, pageKeys } from "./keyboard";
import { NAVIGATION } from "./navigation_entries";

const KEYS = [
  ["/ or Ctrl K", "Search"],
  ["j and k", "Next and previous in a list"],
  ["Enter", "Open"],
  ["Esc", "Close"],
  ["?", "This list"],
] as const;

export function KeyHelp() {
  if (!isHelpOpen.value) return null;
  return (
    <Dialog label="Keys" onClose={() => (isHelpOpen.value = false)}>
      <h2>Keys</h2>
      <dl class="keys">
        {KEYS.map(([key, what]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
        {pageKeys.value.map(({ key, what }) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
        {NAVIGATION.filter((entry) => entry.isShown()).map((entry) => (
          <div key={entry.key}>
            <dt>
              <kbd>g</kbd> <kbd>{entry.key}</kbd>
            </dt>
            <dd>{entry.label}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
