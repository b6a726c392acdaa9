/** accepted = persisted + duplicate + dead + left_out + pending, with its parts, and what that means. */

import type { Answer } from "../../api/answers";
import type { Reading } from "../../api/use_read";
import { count, plural } from "../../format/quantities";
import { Hint } from "../../parts/notes/hint";
import { Loaded, Panel } from "../../parts/panel";

type Accounting = Answer<"/api/accounting">;

const PARTS = [
  ["persisted", "stored", "Events that are in the database."],
  ["duplicate", "seen before", "Events that came twice. Each is stored once."],
  ["dead", "not stored", "How often the database refused an event, later tries included. Each event is kept, and listed below."],
  ["left_out", "left out", "Events of what was erased, or is older than it is kept. They are not stored again."],
  ["pending", "on the way", "Events that are safe on disk, and not in the database yet."],
] as const;

export function Accounts({ reading }: { reading: Reading<Accounting> }) {
  return (
    <Panel title="Where every event went" about="since the tracker was set up; imports are counted on their own page" class="accounts">
      <Loaded reading={reading} what="the counts" height={110}>
        {(data) => (
          <>
            <dl class="equation">
              <Part name="accepted" label="accepted" hint="Events that the tracker said yes to. From then on it must not lose them." value={data.accepted} />
              {PARTS.filter(([name]) => name !== "left_out" || data.left_out).map(([name, label, hint]) => (
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
  const former = data.former_epochs ? ` Events from before the queue was set up anew (${plural(data.former_epochs, "time")}) are not counted here.` : "";
  if (data.drift === 0) return `It adds up: no event is missing.${former}`;
  if (data.drift < 0) return `${plural(-data.drift, "event")} ${data.drift === -1 ? "was" : "were"} counted twice. No event is missing.${former}`;
  return `${plural(data.drift, "event")} ${data.drift === 1 ? "is" : "are"} missing from this sum. While events arrive that is usual for a moment. ${data.alarms ? `But ${plural(data.alarms, "check")} saw it too: read the worker's log.` : "The check each minute has found nothing missing."}${former}`;
}
