/** One sentence for everything, and a line for each thing that needs a look. */

import type { Answer, Schemas } from "../../api/answers";
import { me } from "../../api/identity";
import type { Reading } from "../../api/use_read";
import { bytes, duration, plural } from "../../format/quantities";
import { ago } from "../../format/times";

type Machine = Schemas["Machine"];
type Accounting = Answer<"/api/accounting">;

/** The parts of the tracker that may not be ready, by their names in the API. */
const PARTS: Record<string, string> = { database: "The database", journal: "The queue of events", lag: "Events wait too long", replica: "The copy of the database", canary: "The self-test" };

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
  if (problem?.status === 0) found.push({ tone: "bad", text: "The tracker does not answer.", advice: "Machines keep what they have, and send it later. Start the tracker, or look why it stands still." });
  else if (problem) {
    const reasons = Object.entries(problem.details);
    for (const [name, reason] of reasons.length ? reasons : [["service", problem.message] as const]) found.push({ tone: "bad", text: `${PARTS[name] ?? name}: ${String(reason).replace(/\.$/, "")}.`, advice: "Nothing is lost: what comes in is kept, and stored once this is mended." });
  }
  const age = accounts?.canary_age_seconds;
  const most = me.value?.canary_max_age_seconds;
  if (!problem && age != null && most != null && age > most) {
    found.push({ tone: "bad", text: `The self-test has not passed for ${duration(age * 1_000)}: what comes in is not being stored.`, advice: "Nothing is lost. Restart the services worker-drain and beat, and read their logs." });
  }
  return found;
}

function ofAccounts(accounts: Accounting | null, letters: number | null): Finding[] {
  const found: Finding[] = [];
  if (accounts && accounts.drift > 0) {
    found.push({
      tone: accounts.alarms > 0 ? "bad" : "warn",
      text: `${plural(accounts.drift, "event")} ${accounts.drift === 1 ? "is" : "are"} missing from the sum below.`,
      advice: "While events arrive that is usual for a moment. If it stays, read the worker's log: something is lost.",
    });
  } else if (accounts && accounts.alarms > 0) {
    found.push({ tone: "warn", text: `${plural(accounts.alarms, "check")} found events missing that are there now.`, advice: "Nothing is to be done. The worker's log says when." });
  }
  for (const each of accounts?.damaged_transcripts ?? []) {
    found.push({
      tone: "bad",
      text: each.session_id === null ? "A stored transcript cannot be read." : `The stored transcript ${each.file ?? ""} of session ${each.session_id} ${each.reason === "missing" ? "has lost a part" : "is damaged"}.`,
      advice: "The session itself is whole. Restore the archive's folder from a backup, or import the transcript again.",
    });
  }
  const unpriced = accounts?.unpriced_models ?? [];
  if (unpriced.length) {
    const named = unpriced.map(({ model, api_calls }) => `${model} (${plural(api_calls, "call")})`).join(", ");
    found.push({ tone: "warn", text: `There is no price for ${named}: costs are too low.`, advice: "Run tracker prices set, then tracker prices reprice." });
  }
  if (letters) found.push({ tone: "bad", text: `${plural(letters, "event")} could not be stored.`, advice: "Read the reason below, mend its cause, and press “Store again”." });
  return found;
}

function ofMachine(machine: Machine): Finding[] {
  const name = machine.name ?? "A machine";
  const found: Finding[] = [];
  if (machine.expiring_missing_count > 0) {
    found.push({
      tone: "bad",
      text: `${name}: Claude Code will soon delete ${plural(machine.expiring_missing_count, "transcript")} that ${machine.expiring_missing_count === 1 ? "is" : "are"} not stored here.`,
      advice: `Run tracker import on ${name}.`,
    });
  }
  if (machine.is_silent) found.push({ tone: "warn", text: `${name} last reported ${ago(machine.last_heard_at)}.`, advice: "If you still use it, run tracker doctor on it. If not, press “Forget” below." });
  else if (machine.last_error) found.push({ tone: "warn", text: `${name} cannot send: ${machine.last_error}.`, advice: `Run tracker doctor on it. ${plural(machine.spool_files, "hook")} and ${bytes(machine.bytes_unsent)} of transcripts wait there.` });
  return found;
}

// Nothing is known of what a machine has that never sent anything.
const ACCEPTED_ALONE = "All is well: everything that came in is stored. No machine sends by itself yet: run tracker connect on one.";

/** `machines`: how many report; null if this key does not see them. */
export function Verdict({ findings, isKnown, machines }: { findings: readonly Finding[]; isKnown: boolean; machines: number | null }) {
  const isBad = findings.some((finding) => finding.tone === "bad");
  const tone = !isKnown ? "" : isBad ? "is-problem" : findings.length ? "is-warning" : "is-good-news";
  const text = !isKnown ? "Looking …" : isBad ? "Something must be mended." : findings.length ? "Nothing is lost, but something needs a look." : machines === 0 ? ACCEPTED_ALONE : "All is well: everything that came in is stored.";
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
