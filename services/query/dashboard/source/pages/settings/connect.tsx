/** The exact line that connects a machine to this tracker. */

import { isAdmin, me } from "../../api/identity";
import { CopyText } from "../../parts/text/copy_text";
import { Panel } from "../../parts/panel";

export function Connect({ newKey }: { newKey: string | null }) {
  const needsKey = me.value?.access === "keys";
  return (
    <Panel title="Connect Claude Code" about="once on each machine" class="connect">
      <p>From then on, what Claude Code does there arrives here within two seconds, and its history is imported. It shows what it changes, and asks.</p>
      <CopyText text={line(needsKey ? (newKey ?? "cct_…") : null)} label="the line that connects a machine" />
      {needsKey && !newKey && (
        <p class="quiet">
          {isAdmin.value
            ? "In place of cct_… goes a key with the scope ingest. Make one below, and it stands in the line."
            : "In place of cct_… goes a key with the scope ingest. Whoever has an admin's key can make one."}
        </p>
      )}
      <p class="quiet">
        Without the program <code>tracker</code>: clone this tracker's repository there, and run <code>pipx install .</code> in it, or <code>./tracker</code> in place of <code>tracker</code>. To undo it: <code>tracker disconnect</code>.
      </p>
    </Panel>
  );
}

/** The address is left out where it is the one that the command takes by itself. */
function line(key: string | null): string {
  const isDefault = location.protocol === "http:" && location.port === "8000" && ["localhost", "127.0.0.1"].includes(location.hostname);
  return ["tracker connect", !isDefault && `--url ${location.origin}`, key !== null && `--token ${key}`].filter(Boolean).join(" ");
}
