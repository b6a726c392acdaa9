/** One sentence for everything, and a line for each thing that needs a look. */

import type { Answer, Schemas } from "../../api/answers";
import { me } from "../../api/identity";
import type { Reading } from "../../api/use_read";
import { bytes, count, duration, plural } from "../../format/quantities";
import { ago } from "../../format/times";

type Machine = Schemas["Machine"];
type Accounting = Answer<"/api/accounting">;

export interface Finding {
  tone: "bad" | "warn";
  text: string;
  /** What to do. */
  advice: string;
}

/** What needs a look. Parts that this key does not see are null, and nothing is said of them. */
export function findingsOf(readiness: Reading<unknown>, accounts: Accounting | null, machines: readonly Machine[] | null, letters: number | null): Finding[] {
  return [...ofService(readiness, accounts), ...ofAccounts(accounts, letters), ...(machines ?? []).flatMap(ofMachine)];
}

function ofService({ problem }: Reading<unknown>, accounts: Accounting | null): Finding[] {
  const found: Finding[] = [];
  if (problem?.status === 0) found.push({ tone: "bad", text: "The tracker does not answer.", advice: "Hooks and shippers keep what they have and send it later. Check that it runs." });
  else if (problem) {
    const reasons = Object.entries(problem.details);
    for (const [name, reason] of reasons.length ? reasons : [["service", problem.message] as const]) found.push({ tone: "bad", text: `Not ready, ${name}: ${String(reason).replace(/\.$/, "")}.`, advice: "What was accepted is kept in the journal meanwhile." });
  }
  const age = accounts?.canary_age_seconds;
  const most = me.value?.canary_max_age_seconds;
  if (!problem && age != null && most != null && age > most) {
    found.push({ tone: "bad", text: `The tracker's own test event has not come back for ${duration(age * 1_000)}.`, advice: "Events are stuck on the way. See the logs of worker-drain and beat." });
  }
  return found;
}

function ofAccounts(accounts: Accounting | null, letters: number | null): Finding[] {
  const found: Finding[] = [];
  if (accounts && accounts.drift > 0) {
    found.push({
      tone: accounts.alarms > 0 ? "bad" : "warn",
      text: `${plural(accounts.drift, "accepted event")} ${accounts.drift === 1 ? "is" : "are"} not accounted for.`,
      advice: "While events go through, this may last a moment. If it stays, something is lost.",
    });
  } else if (accounts && accounts.alarms > 0) {
    found.push({ tone: "warn", text: `${plural(accounts.alarms, "check")} found events that were not accounted for. Now all are.`, advice: "The logs of the worker have the time of each." });
  }
  for (const each of accounts?.damaged_transcripts ?? []) {
    found.push({
      tone: "bad",
      text: each.session_id === null ? "An archived transcript cannot be read." : `The archived transcript ${each.file ?? ""} of session ${each.session_id} ${each.reason === "missing" ? "has lost a part" : "is damaged"}.`,
      advice: "Its rows stay. Restore the archive's folder, or import the transcript again.",
    });
  }
  const unpriced = accounts?.unpriced_models ?? [];
  if (unpriced.length) {
    const named = unpriced.map(({ model, api_calls }) => `${model} (${plural(api_calls, "call")})`).join(", ");
    found.push({ tone: "warn", text: `No price is known of ${named}.`, advice: "Set one with tracker prices set, then run tracker prices reprice." });
  }
  if (letters) found.push({ tone: "bad", text: `${plural(letters, "event")} could not be stored and ${letters === 1 ? "waits" : "wait"} as dead letters.`, advice: "Read the reason below, fix its cause, and replay them." });
  return found;
}

function ofMachine(machine: Machine): Finding[] {
  const name = machine.name ?? "A machine";
  const found: Finding[] = [];
  if (machine.expiring_missing_count > 0) {
    found.push({
      tone: "bad",
      text: `${name}: Claude Code will soon delete ${plural(machine.expiring_missing_count, "transcript")} that ${machine.expiring_missing_count === 1 ? "is" : "are"} not here.`,
      advice: `Run tracker import on ${name}.`,
    });
  }
  if (machine.is_silent) found.push({ tone: "warn", text: `${name} last reported ${ago(machine.last_heard_at)}.`, advice: "If it is in use, run tracker doctor on it. If it is gone, forget it below." });
  else if (machine.last_error) found.push({ tone: "warn", text: `${name} cannot send: ${machine.last_error}.`, advice: `${count(machine.spool_files)} hooks and ${bytes(machine.bytes_unsent)} of transcripts wait there.` });
  return found;
}

// Nothing is known of what a machine has that never sent anything.
const ACCEPTED_ALONE = "Everything that was accepted is stored. No machine sends by itself yet.";

/** `machines`: how many report; null if this key does not see them. */
export function Verdict({ findings, isKnown, machines }: { findings: readonly Finding[]; isKnown: boolean; machines: number | null }) {
  const isBad = findings.some((finding) => finding.tone === "bad");
  const tone = !isKnown ? "" : isBad ? "is-problem" : findings.length ? "is-warning" : "is-good-news";
  const text = !isKnown ? "Looking …" : isBad ? "Something needs your attention." : findings.length ? "Nothing is lost, but something needs a look." : machines === 0 ? ACCEPTED_ALONE : "All is well: everything that was accepted is stored.";
  return (
    <section class={`note verdict ${tone}`} role="status" aria-label="Verdict" data-verdict={!isKnown ? "unknown" : isBad ? "bad" : findings.length ? "warn" : "good"}>
      <p class="verdict-text">{text}</p>
      {findings.length > 0 && (
        <ul>
          {findings.map((finding) => (
            <li key={finding.text}>
              <span class={`badge is-${finding.tone}`}>{finding.tone === "bad" ? "act" : "look"}</span> {finding.text} <span class="quiet">{finding.advice}</span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
