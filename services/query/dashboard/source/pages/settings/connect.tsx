/** The exact line that connects a machine to this tracker. */

import { isAdmin, me } from "../../api/identity";
import { connectCommand } from "../../parts/text/commands";
import { CopyText } from "../../parts/text/copy_text";
import { Panel } from "../../parts/panel";

export function Connect({ newKey }: { newKey: string | null }) {
  const needsKey = me.value?.access === "keys";
  return (
    <Panel title="Connect Claude Code" about="once on each machine" class="connect">
      <p>After that, what Claude Code does there arrives here within two seconds. Its history is imported too. The command shows what it changes, and asks first.</p>
      <CopyText text={connectCommand(newKey ?? undefined)} label="the line that connects a machine" />
      {needsKey && !newKey && (
        <p class="quiet">
          {isAdmin.value
            ? "Replace cct_… with a key that has the scope ingest. If you make one below, it is put into the line."
            : "Replace cct_… with a key that has the scope ingest. Anyone with an admin key can make one."}
        </p>
      )}
      <p class="quiet">
        Without the program <code>tracker</code>: clone this tracker's repository there, and run <code>pipx install .</code> in it, or <code>./tracker</code> in place of <code>tracker</code>. To undo it: <code>tracker disconnect</code>.
      </p>
    </Panel>
  );
}
