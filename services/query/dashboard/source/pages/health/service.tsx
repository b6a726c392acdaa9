/** The tracker itself in a row of numbers: whether it works, what is on the way, its self-test, search, versions and where more is. */

import type { ComponentChildren } from "preact";
import type { Answer, Schemas } from "../../api/answers";
import { me } from "../../api/identity";
import type { Reading } from "../../api/use_read";
import { age, count, duration, plural } from "../../format/quantities";
import { Hint } from "../../parts/notes/hint";

interface Props {
  readiness: Reading<Answer<"/readyz">>;
  accounts: Answer<"/api/accounting"> | null;
  /** undefined: this key does not see them. */
  letters: number | null | undefined;
  machines: readonly Schemas["Machine"][] | null;
}

export function Service({ readiness, accounts, letters, machines }: Props) {
  const { data, problem } = readiness;
  const flower = me.value?.flower;
  const silent = machines?.filter((machine) => machine.is_silent).length ?? 0;
  return (
    <>
      <section class="tiles" aria-label="The tracker itself">
        <Fact name="ready" label="Service" hint="Whether the tracker can store and read: its database answers, nothing waits too long, and the self-test passes." value={problem ? "has a problem" : data ? "works" : "–"} tone={problem ? "is-bad" : data ? "is-good" : ""}>
          version {me.value?.version ?? "–"}
        </Fact>
        <Fact name="journal" label="On the way" hint="Events that are safe on disk, and not in the database yet. Usually they are there within a second." value={data && !problem ? plural(data.journal_entries, "event") : "–"}>
          {data && !problem ? (data.journal_entries ? `the oldest for ${duration(data.journal_oldest_seconds * 1_000)}` : "all are stored") : "\u00a0"}
        </Fact>
        <Fact name="canary" label="Self-test" hint="Every few seconds the tracker sends itself an event and looks whether it was stored. This is how long ago the newest one passed." value={accounts?.canary_age_seconds == null ? "–" : `passed ${age(accounts.canary_age_seconds)} ago`}>
          {me.value?.canary_max_age_seconds == null ? "switched off" : `a problem after ${age(me.value.canary_max_age_seconds)}`}
        </Fact>
        <Fact name="search" label="Not searchable yet" hint="Texts that were stored a moment ago, and that a search does not find yet." value={accounts ? plural(accounts.search_pending, "text") : "–"}>
          {accounts ? (accounts.search_oldest_seconds > 1 ? `the oldest for ${duration(accounts.search_oldest_seconds * 1_000)}` : "search is up to date") : "\u00a0"}
        </Fact>
        {letters !== undefined && (
          <Fact name="letters" label="Not stored" hint="Events that were accepted, and that the database refused. Each is kept with the reason, until it is stored or deleted." value={letters === null ? "–" : count(letters)} tone={letters ? "is-bad" : ""}>
            {letters === null ? "\u00a0" : letters ? "see below" : "all are stored"}
          </Fact>
        )}
        {machines && letters === undefined && (
          <Fact name="machines" label="Machines" hint="Machines that report to the tracker." value={count(machines.length)} tone={silent ? "is-warn" : ""}>
            {silent ? `${count(silent)} silent` : "all report"}
          </Fact>
        )}
      </section>
      <p class="health-links quiet">
        More: <a href="/docs">the API</a>
        {flower && (
          <>
            , <a href={flower}>Flower</a> for workers and tasks
          </>
        )}
        , <code>tracker doctor</code> checks a machine, <code>/metrics</code> is for Prometheus.
      </p>
    </>
  );
}

function Fact({ name, label, hint, value, tone = "", children }: { name: string; label: string; hint: string; value: string; tone?: string; children: ComponentChildren }) {
  return (
    <div class="tile" data-fact={name}>
      <Hint text={hint}>{label}</Hint>
      <span class={`tile-value fact-value ${tone}`}>{value}</span>
      <span class="tile-below">{children}</span>
    </div>
  );
}
