/** Who changed what: keys, imports, dead letters, scrubs, machines. */

import type { Schemas } from "../../api/answers";
import { Panel } from "../../parts/panel";
import { type Column, Table } from "../../parts/tables/table";
import { Time } from "../../parts/time";
import { Pages } from "./pages";

type Act = Schemas["Act"];

const WHO: Record<string, string> = { open: "somebody, access was open", machine: "a command on the server" };

const COLUMNS: Column<Act>[] = [
  { title: "When", cell: (act) => <Time at={act.at} /> },
  { title: "Who", cell: (act) => act.key_name ?? WHO[act.who] ?? act.who },
  { title: "Did", cell: (act) => <code>{act.act}</code> },
  { title: "To", isMinor: true, cell: (act) => <code class="audit-subject">{act.subject}</code> },
  { title: "Details", isMinor: true, cell: (act) => <span class="quiet audit-details">{detailsText(act.details)}</span> },
];

export function AuditLog() {
  return (
    <Panel title="Audit log" about="who changed what, the newest first" class="audit">
      <Pages path="/api/audit" what="the audit log" empty={<p class="quiet">Nothing was changed yet.</p>}>
        {(acts) => <Table caption="Audit log" columns={COLUMNS} rows={acts} keyOf={(act) => act.id} csv="/api/audit" />}
      </Pages>
    </Panel>
  );
}

function detailsText(details: Act["details"]): string {
  return Object.entries(details)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name} ${Array.isArray(value) ? value.join(", ") : typeof value === "object" ? JSON.stringify(value) : String(value)}`)
    .join("; ");
}
