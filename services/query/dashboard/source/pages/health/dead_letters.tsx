/** Events that could not be stored, in groups by their reason: look at one, replay them, or delete them. */

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Answer, Schemas } from "../../api/answers";
import { type Problem, attempt, send } from "../../api/request";
import { type Reading, useRead } from "../../api/use_read";
import { plural } from "../../format/quantities";
import { Loaded, Panel } from "../../parts/panel";
import { ProblemNote } from "../../parts/notes/problem_note";
import { Time } from "../../parts/time";
import { Dialog } from "../../shell/dialog";

type Group = Schemas["DeadLetterGroup"];

export function DeadLetters({ reading }: { reading: Reading<Answer<"/api/dead-letters">> }) {
  const said = useSignal<string | null>(null);
  const timers = useRef<number[]>([]);
  useEffect(() => () => timers.current.forEach((timer) => window.clearTimeout(timer)), []);

  function onDone(text: string): void {
    said.value = text;
    // A replayed event is stored, or dies again, a moment later.
    timers.current = [0, 700, 2_000, 5_000].map((ms) => window.setTimeout(reading.again, ms));
  }

  return (
    <Panel title="Not stored" about="events that the database refused; each is kept until you store or delete it" class="dead-letters" csv={reading.data?.items.length ? reading.address : null}>
      {said.value && (
        <p role="status" class="note is-good-news">
          {said.value}
        </p>
      )}
      <Loaded reading={reading} what="the events" height={22}>
        {(data) =>
          data.groups.length === 0 ? (
            <p class="quiet">There is nothing here: every event could be stored.</p>
          ) : (
            <ul class="letter-list">
              {data.groups.map((group) => (
                <Row key={`${group.kind} ${group.reason} ${group.sqlstate}`} group={group} onDone={onDone} />
              ))}
            </ul>
          )
        }
      </Loaded>
    </Panel>
  );
}

function Row({ group, onDone }: { group: Group; onDone: (text: string) => void }) {
  const isShown = useSignal(false);
  const isAsking = useSignal(false);
  const isBusy = useSignal(false);
  const problem = useSignal<Problem | null>(null);
  const [newest] = group.newest;

  async function change(verb: "replay" | "delete"): Promise<void> {
    isBusy.value = true;
    problem.value = await attempt(async () => {
      const done = await changeAll(verb, group);
      onDone(verb === "replay" ? `${plural(done, "event")} ${done === 1 ? "is" : "are"} tried again. Those that leave the list are stored. Those that stay were refused again.` : `${plural(done, "event")} deleted.`);
    });
    isBusy.value = false;
    isAsking.value = false;
  }

  return (
    <li class="letter" data-kind={group.kind}>
      <div class="letter-row">
        <span class="letter-count">{plural(group.count, group.kind.replaceAll("_", " "), `× ${group.kind.replaceAll("_", " ")}`)}</span>
        <span class="letter-reason">
          {group.reason} {group.sqlstate && <span class="badge">SQLSTATE {group.sqlstate}</span>}
        </span>
        <span class="quiet">
          last <Time at={group.last_seen_at} relative />
        </span>
        <span class="letter-actions">
          {newest && (
            <button type="button" class="button is-small" aria-expanded={isShown.value} onClick={() => (isShown.value = !isShown.value)}>
              Show one
            </button>
          )}
          <button type="button" class="button is-small" disabled={isBusy.value} onClick={() => void change("replay")}>
            Store again
          </button>
          <button type="button" class="button is-small" disabled={isBusy.value} onClick={() => (isAsking.value = true)}>
            Delete …
          </button>
        </span>
      </div>
      {problem.value && <ProblemNote problem={problem.value} />}
      {isShown.value && newest && <Letter id={newest} />}
      {isAsking.value && (
        <Dialog label="Delete events" onClose={() => (isAsking.value = false)} class="ask">
          <h2>Delete {plural(group.count, "event")}?</h2>
          <p>
            They are gone for good then: {group.kind.replaceAll("_", " ")}, refused because of “{group.reason}”. The audit log keeps who deleted them.
          </p>
          <p class="ask-buttons">
            <button type="button" class="button" onClick={() => (isAsking.value = false)}>
              Keep them
            </button>
            <button type="button" class="button is-danger" disabled={isBusy.value} onClick={() => void change("delete")}>
              Delete for good
            </button>
          </p>
        </Dialog>
      )}
    </li>
  );
}

function Letter({ id }: { id: string }) {
  const reading = useRead("/api/dead-letters/{letter_id}", {}, { inPath: { letter_id: id } });
  return (
    <Loaded reading={reading} what="the newest one" height={80}>
      {(letter) => (
        <div class="letter-shown">
          <p class="quiet">
            Refused {plural(letter.attempts, "time")}, stored again {plural(letter.replays, "time")}. {letter.request_id && <>Request id <code>{letter.request_id}</code>. </>}Secrets are hidden here, and kept in what is stored again.
          </p>
          <pre tabIndex={0}>
            {letter.payload}
            {letter.payload_is_cut ? "\n…" : ""}
          </pre>
        </div>
      )}
    </Loaded>
  );
}

/** A request takes up to 500 of the group, the oldest first. */
async function changeAll(verb: "replay" | "delete", { kind, reason }: Group): Promise<number> {
  let done = 0;
  let seenBefore: string | undefined;
  for (;;) {
    const response = await send("POST", `/api/dead-letter-groups/${verb}`, { kind, reason, ...(seenBefore ? { seen_before: seenBefore } : {}) });
    const answer = (await response.json()) as Schemas["DeadLettersChanged"];
    done += answer.done;
    seenBefore = answer.seen_before;
    if (answer.left === 0 || answer.done === 0) return done;
  }
}
