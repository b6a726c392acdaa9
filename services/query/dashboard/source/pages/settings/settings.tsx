/** Connect a machine, keys, what is kept and for how long, exports, scrubs, erasures, the audit log, tags and the theme. */

import { useSignal } from "@preact/signals";
import { isAdmin, me, seesTexts } from "../../api/identity";
import { Panel } from "../../parts/panel";
import { Switch } from "../../parts/switch";
import { setTheme, theme } from "../../shell/theme";
import { AuditLog } from "./audit_log";
import { Connect } from "./connect";
import { ErasePerson } from "./erase_person";
import { Exports } from "./exports";
import { Keys } from "./keys";
import { Kept } from "./kept";
import { Retention } from "./retention";
import { Scrubs } from "./scrubs";
import "./settings.css";
import { Tags } from "./tags";
import { ZoneChoice } from "./zone_choice";

export default function Settings() {
  /** A key that was made just now: the line to paste has it, until the page is left. */
  const newKey = useSignal<string | null>(null);
  return (
    <>
      <header class="page-head">
        <h1>Settings</h1>
        <span class="quiet">{whoLooks()}</span>
      </header>
      <div class="settings">
        <Connect newKey={newKey.value} />
        {isAdmin.value && <Keys newKey={newKey} />}
        <div class="settings-column">
          <Kept />
          <ZoneChoice />
          {seesTexts.value && <Tags />}
          <Panel title="Theme" about="kept in this browser" class="theme-choice">
            <Switch
              label="Theme"
              value={theme.value}
              onChange={setTheme}
              options={[
                { value: "system", label: "As the system" },
                { value: "light", label: "Light" },
                { value: "dark", label: "Dark" },
              ]}
            />
          </Panel>
        </div>
        {isAdmin.value && (
          <div class="settings-column">
            <Retention />
            <Exports />
            <Scrubs />
            <ErasePerson />
          </div>
        )}
        {isAdmin.value && <AuditLog />}
      </div>
      {!isAdmin.value && <p class="quiet">Keys, retention, exports, scrubs and the audit log are shown to keys with the scope admin.</p>}
    </>
  );
}

function whoLooks(): string {
  const key = me.value?.key;
  if (!key) return "Access is open: anyone who reaches this address may do everything";
  return `You use the key ${key.name ?? key.key_id} with the scope${key.scopes.length === 1 ? "" : "s"} ${key.scopes.join(", ")}`;
}
