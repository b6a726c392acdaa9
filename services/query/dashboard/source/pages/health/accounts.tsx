/** accepted = persisted + duplicate + dead + pending, with its parts, and what it says. */

import type { Answer } from "../../api/answers";
import type { Reading } from "../../api/use_read";
import { count, plural } from "../../format/quantities";
import { Hint } from "../../parts/notes/hint";
import { Loaded, Panel } from "../../parts/panel";

type Accounting = Answer<"/api/accounting">;

const PARTS = [
  ["persisted", "stored", "Events that are rows of the database."],
  ["duplicate", "seen before", "Events that were stored under another id already, or came twice."],
  ["dead", "dead", "How often an event could not be stored, replays included. Each is kept as a dead letter."],
  ["pending", "on the way", "Events in the journal that no worker has finished yet."],
] as const;

export function Accounts({ reading }: { reading: Reading<Accounting> }) {
  return (
    <Panel title="Accounting" about="events since the journal was made; imports do not pass through it" class="accounts">
      <Loaded reading={reading} what="the accounting" height={110}>
        {(data) => (
          <>
            <dl class="equation">
              <Part name="accepted" label="accepted" hint="Events that were answered with 2xx. From then on the tracker guarantees them." value={data.accepted} />
              {PARTS.map(([name, label, hint]) => (
                <Part key={name} name={name} label={label} hint={hint} value={data[name]} />
              ))}
            </dl>
            <p class="equation-says" data-drift={data.drift}>
              {says(data)}
            </p>
          </>
        )}
      </Loaded>
    </Panel>
  );
}

function Part({ name, label, hint, value }: { name: string; label: string; hint: string; value: number }) {
  return (
    <div class="equation-part" data-part={name}>
      <dt>
        <Hint text={hint}>{label}</Hint>
      </dt>
      <dd>{count(value)}</dd>
    </div>
  );
}

function says(data: Accounting): string {
  const former = data.former_epochs ? ` ${plural(data.former_epochs, "earlier journal")} ${data.former_epochs === 1 ? "is" : "are"} not counted here.` : "";
  if (data.drift === 0) return `It holds: every accepted event is accounted for.${former}`;
  if (data.drift < 0) return `${plural(-data.drift, "event")} more came out than went in: some were counted twice, none is missing.${former}`;
  return `${plural(data.drift, "event")} cannot be accounted for now. While events go through this may be so for a moment; ${data.alarms ? `${plural(data.alarms, "check")} found it too.` : "the check each minute has found none so far."}${former}`;
}
