/** API keys: who has one, what each may do; make one, revoke one. */

import { type Signal, useSignal } from "@preact/signals";
import type { Schemas } from "../../api/answers";
import { me } from "../../api/identity";
import { type Problem, attempt, send } from "../../api/request";
import { EmptyNote } from "../../parts/notes/empty_note";
import { Panel } from "../../parts/panel";
import { ProblemNote } from "../../parts/notes/problem_note";
import { type Column, Table } from "../../parts/tables/table";
import { Time } from "../../parts/time";
import { Dialog } from "../../shell/dialog";
import { NewKey } from "./new_key";
import { Pages } from "./pages";

type Key = Schemas["ApiKey"];

export function Keys({ newKey }: { newKey: Signal<string | null> }) {
  const revoking = useSignal<Key | null>(null);
  const version = useSignal(0);
  const columns: Column<Key>[] = [
    { title: "Name", cell: (key) => <span class={key.revoked_at ? "quiet" : ""}>{key.name}</span> },
    { title: "May", cell: (key) => key.scopes.map((scope) => <span class="badge key-scope" key={scope}>{scope}</span>) },
    { title: "Bound to", isMinor: true, cell: (key) => <span class="quiet">{[key.users?.join(", "), key.project_ids && `projects ${key.project_ids.join(", ")}`].filter(Boolean).join("; ") || "nothing"}</span> },
    { title: "Made", isMinor: true, cell: (key) => <Time at={key.created_at} /> },
    { title: "Last used", cell: (key) => (key.last_used_at ? <Time at={key.last_used_at} relative /> : <span class="quiet">never</span>) },
    {
      title: <span class="only-read">Revoke</span>,
      cell: (key) =>
        key.revoked_at ? (
          <span class="badge">revoked</span>
        ) : (
          <button type="button" class="button is-small" aria-label={`Revoke ${key.name}`} onClick={() => (revoking.value = key)}>
            Revoke …
          </button>
        ),
    },
  ];
  return (
    <Panel title="API keys" about={me.value?.access === "keys" ? "every request needs one" : "none is needed while access is open; see TRACKER_ACCESS"} class="keys-panel">
      <NewKey
        onMade={(key) => {
          newKey.value = key;
          version.value += 1;
        }}
      />
      <Pages
        path="/api/keys"
        what="the keys"
        version={version.value}
        empty={<EmptyNote title="There is no key yet.">Keys are needed once the tracker runs with TRACKER_ACCESS=keys. Make one with the scope admin first.</EmptyNote>}
      >
        {(keys) => <Table caption="API keys" columns={columns} rows={keys} keyOf={(key) => key.id} csv="/api/keys" />}
      </Pages>
      {revoking.value && (
        <Revoke
          apiKey={revoking.value}
          onClose={(isDone) => {
            revoking.value = null;
            if (isDone) version.value += 1;
          }}
        />
      )}
    </Panel>
  );
}

function Revoke({ apiKey, onClose }: { apiKey: Key; onClose: (isDone: boolean) => void }) {
  const problem = useSignal<Problem | null>(null);
  const isBusy = useSignal(false);
  const isOwn = me.value?.key?.key_id === apiKey.id;

  async function revoke(): Promise<void> {
    isBusy.value = true;
    problem.value = await attempt(async () => {
      await send("DELETE", `/api/keys/${encodeURIComponent(apiKey.id)}`);
      onClose(true);
    });
    isBusy.value = false;
  }

  return (
    <Dialog label="Revoke a key" onClose={() => onClose(false)} class="ask">
      <h2>Revoke the key {apiKey.name}?</h2>
      <p>
        Whatever uses it is refused within five seconds, for good. What it wrote stays. {isOwn && <b>You are logged in with it.</b>}
      </p>
      {problem.value && <ProblemNote problem={problem.value} />}
      <p class="ask-buttons">
        <button type="button" class="button" onClick={() => onClose(false)}>
          Keep it
        </button>
        <button type="button" class="button is-danger" disabled={isBusy.value} onClick={() => void revoke()}>
          Revoke it
        </button>
      </p>
    </Dialog>
  );
}
