/** The tracker itself in a row of numbers: ready, journal, canary, search, versions and where more is. */

import type { ComponentChildren } from "preact";
import type { Answer, Schemas } from "../../api/answers";
import { me } from "../../api/identity";
import type { Reading } from "../../api/use_read";
import { count, duration, plural } from "../../format/quantities";
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
        <Fact name="ready" label="Service" hint="Whether database, journal and canary are as they should be (/readyz)." value={problem ? "not ready" : data ? "ready" : "–"} tone={problem ? "is-bad" : data ? "is-good" : ""}>
          version {me.value?.version ?? "–"}
        </Fact>
        <Fact name="journal" label="Journal" hint="Accepted events that are on disk and wait for a worker." value={data && !problem ? plural(data.journal_entries, "entry", "entries") : "–"}>
          {data && !problem ? (data.journal_entries ? `the oldest waits ${duration(data.journal_oldest_seconds * 1_000)}` : "nothing waits") : "\u00a0"}
        </Fact>
        <Fact name="canary" label="Canary" hint="The tracker sends itself an event every few seconds. This is the age of the newest that was stored." value={accounts?.canary_age_seconds == null ? "–" : duration(accounts.canary_age_seconds * 1_000)}>
          {me.value?.canary_max_age_seconds == null ? "switched off" : `at most ${duration(me.value.canary_max_age_seconds * 1_000)}`}
        </Fact>
        <Fact name="search" label="Search index" hint="Texts that the search index does not have yet, or has in an older state." value={accounts ? plural(accounts.search_pending, "text") : "–"}>
          {accounts ? (accounts.search_oldest_seconds > 1 ? `${duration(accounts.search_oldest_seconds * 1_000)} behind` : "up to date") : "\u00a0"}
        </Fact>
        {letters !== undefined && (
          <Fact name="letters" label="Dead letters" hint="Events that were accepted and could not be stored. They are kept, with the reason." value={letters === null ? "–" : count(letters)} tone={letters ? "is-bad" : ""}>
            {letters === null ? "\u00a0" : letters ? "see below" : "none wait"}
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
        , <code>tracker doctor</code> on a machine, <code>/metrics</code> for Prometheus.
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
