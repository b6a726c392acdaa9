/** The machines that send: when each was last heard of, what it still has, and what Claude Code will delete there. */

import { useSignal } from "@preact/signals";
import type { Answer, Schemas } from "../../api/answers";
import { isAdmin, me, seesTexts } from "../../api/identity";
import { type Problem, attempt, send } from "../../api/request";
import type { Reading } from "../../api/use_read";
import { bytes, count, plural } from "../../format/quantities";
import { EmptyNote } from "../../parts/notes/empty_note";
import { Loaded, Panel } from "../../parts/panel";
import { connectCommand } from "../../parts/text/commands";
import { ProblemNote } from "../../parts/notes/problem_note";
import { Time } from "../../parts/time";
import { Dialog } from "../../shell/dialog";

type Machine = Schemas["Machine"];

export function Machines({ reading }: { reading: Reading<Answer<"/api/machines">> }) {
  const silentHours = me.value?.machine_silent_hours;
  return (
    <Panel title="Machines" about={silentHours === undefined ? undefined : `a machine without a report for ${plural(silentHours, "hour")} is silent`} class="machines" csv={reading.data?.items.length ? reading.address : null}>
      <Loaded reading={reading} what="the machines" height={200}>
        {(data) =>
          data.items.length === 0 ? (
            <EmptyNote title="No machine reports yet." command={connectCommand()}>
              Run this once on each machine. Then this list shows when each machine last reported, and what it has not sent yet.
            </EmptyNote>
          ) : (
            <ul class="machine-list">
              {data.items.map((machine, index) => (
                <Row key={machine.machine_id ?? index} machine={machine} onChanged={reading.again} />
              ))}
            </ul>
          )
        }
      </Loaded>
    </Panel>
  );
}

function Row({ machine, onChanged }: { machine: Machine; onChanged: () => void }) {
  const waits = [machine.spool_files && plural(machine.spool_files, "hook"), machine.files_unsent && `${plural(machine.files_unsent, "transcript")} (${bytes(machine.bytes_unsent)})`].filter(Boolean);
  return (
    <li class="machine" data-machine={machine.machine_id}>
      <div class="machine-row">
        <span class={`badge ${machine.is_silent ? "is-warn" : "is-good"}`}>{machine.is_silent ? "silent" : "reports"}</span>
        <span>
          <b>{machine.name ?? "A machine"}</b>
          <span class="quiet machine-about">{[machine.user, machine.os, machine.claude_version && `Claude Code ${machine.claude_version}`, machine.tracker_version && `tracker ${machine.tracker_version}`].filter(Boolean).join(" · ")}</span>
        </span>
        <span>
          <Time at={machine.last_heard_at} relative />
          <span class="quiet machine-about">{plural(machine.sessions_count, "session")}</span>
        </span>
        <span>
          {waits.length ? `${waits.join(" and ")} not sent yet` : "All was sent"}
          {machine.oldest_unsent_at && (
            <span class="quiet machine-about">
              the oldest from <Time at={machine.oldest_unsent_at} relative />
            </span>
          )}
        </span>
        <span class={machine.expiring_missing_count ? "is-bad" : ""}>{expiringText(machine)}</span>
        {isAdmin.value && machine.machine_id && <Forget machine={machine} onChanged={onChanged} />}
      </div>
      {machine.last_error && <p class="is-bad machine-error">It cannot send: {machine.last_error} Run <code>tracker doctor</code> there.</p>}
      {machine.expiring.length > 0 && seesTexts.value && (
        <details class="expiring">
          <summary>Transcripts that Claude Code will delete soon</summary>
          <ul>
            {machine.expiring.map((transcript) => (
              <li key={`${transcript.session_id}${transcript.file}`}>
                <span class={`badge ${transcript.is_here ? "is-good" : "is-bad"}`}>{transcript.is_here ? "stored here" : "not stored"}</span>
                <code>{transcript.file}</code>
                <span class="quiet">
                  {transcript.project_path} · {bytes(transcript.bytes)} · after <Time at={transcript.deleted_after} />
                </span>
              </li>
            ))}
          </ul>
        </details>
      )}
    </li>
  );
}

function expiringText({ expiring_count: all, expiring_missing_count: missing }: Machine): string {
  if (all === 0) return "Nothing is about to be deleted";
  if (missing === 0) return `Claude Code will delete ${plural(all, "transcript")} there; all are stored here`;
  return `Claude Code will delete ${plural(all, "transcript")} there; ${count(missing)} not stored here`;
}

function Forget({ machine, onChanged }: { machine: Machine; onChanged: () => void }) {
  const isAsking = useSignal(false);
  const problem = useSignal<Problem | null>(null);

  async function forget(): Promise<void> {
    problem.value = await attempt(async () => {
      await send("DELETE", `/api/machines/${encodeURIComponent(machine.machine_id ?? "")}`);
      isAsking.value = false;
      onChanged();
    });
  }

  return (
    <>
      <button type="button" class="button is-small is-quiet" onClick={() => (isAsking.value = true)} aria-label={`Forget ${machine.name ?? "this machine"}`}>
        Forget …
      </button>
      {isAsking.value && (
        <Dialog label="Forget this machine" onClose={() => (isAsking.value = false)} class="ask">
          <h2>Forget {machine.name ?? "this machine"}?</h2>
          <p>It leaves this list. Its sessions and transcripts stay. If it reports again, it is listed again.</p>
          {problem.value && <ProblemNote problem={problem.value} />}
          <p class="ask-buttons">
            <button type="button" class="button" onClick={() => (isAsking.value = false)}>
              Keep it
            </button>
            <button type="button" class="button is-danger" onClick={() => void forget()}>
              Forget it
            </button>
          </p>
        </Dialog>
      )}
    </>
  );
}
