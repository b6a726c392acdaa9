/** What is kept for how long: the rules, what would go, and what the last run has dropped. */

import { useSignal } from "@preact/signals";
import type { Schemas } from "../../api/answers";
import { type Problem, attempt, send } from "../../api/request";
import { useRead } from "../../api/use_read";
import { bytes, plural } from "../../format/quantities";
import { Panel } from "../../parts/panel";
import { ProblemNote } from "../../parts/notes/problem_note";
import { type Column, Table } from "../../parts/tables/table";
import { Time } from "../../parts/time";
import { Dialog } from "../../shell/dialog";

type Run = Schemas["RetentionRun"];
type Rule = Schemas["Retention"]["rules"][number];
type Line = Pick<Rule, "what" | "days"> & { id?: string; of: string };

const EVERY_MS = 1_000;

export function Retention() {
  const kept = useRead("/api/retention");
  const started = useSignal<string | null>(null);
  const run = useRead(started.value ? "/api/retention/runs/{run_id}" : null, {}, { inPath: { run_id: started.value ?? "" }, everyMs: EVERY_MS });
  const isAsking = useSignal(false);
  const problem = useSignal<Problem | null>(null);
  const shown = run.data?.run_id === started.value ? run.data : (kept.data?.last_run ?? null);
  const runs = started.value !== null && (shown?.run_id !== started.value || !shown.finished_at);

  async function act(method: string, path: string, body?: unknown): Promise<unknown> {
    isAsking.value = false;
    let answer: unknown = null;
    problem.value = await attempt(async () => {
      const response = await send(method, `/api/retention/${path}`, body);
      kept.again();
      answer = await response.json();
    });
    return answer;
  }

  async function start(isDry: boolean): Promise<void> {
    started.value = ((await act("POST", "runs", { dry_run: isDry })) as Schemas["RetentionStarted"] | null)?.run_id ?? null;
  }

  function set(event: SubmitEvent): void {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    void act("PUT", "rules", { what: form.get("what"), days: Number(form.get("days")) || null });
  }

  const columns: Column<Line>[] = [
    { title: "What", cell: (line) => words(line.what) },
    { title: "Of", cell: (line) => line.of },
    { title: "Kept", cell: (line) => (line.days ? plural(line.days, "day") : "for good") },
    {
      title: <span class="only-read">Clear</span>,
      cell: (line) =>
        line.id && (
          <button type="button" class="button is-small" aria-label={`Clear the rule for ${words(line.what)} of ${line.of}`} onClick={() => void act("DELETE", `rules/${line.id}`)}>
            Clear
          </button>
        ),
    },
  ];
  return (
    <Panel title="Retention" about="numbers stay when texts or sessions go" class="retention">
      {problem.value && <ProblemNote problem={problem.value} />}
      {kept.problem && <ProblemNote problem={kept.problem} again={kept.again} />}
      {kept.data && <Table caption="What is kept for how long" columns={columns} rows={lines(kept.data)} keyOf={(line) => line.id ?? line.what} />}
      <form onSubmit={set}>
        Keep{" "}
        <select class="input" name="what" aria-label="What">
          {kept.data?.settings.map(({ what }) => (
            <option key={what} value={what}>
              {words(what)}
            </option>
          ))}
        </select>{" "}
        <input class="input" name="days" type="number" min="1" max="36500" placeholder="for good" aria-label="Days; empty: for good" /> days{" "}
        <button class="button is-small">Set</button>
      </form>
      <p>
        <button type="button" class="button is-small" disabled={runs} onClick={() => void start(true)}>
          What would go?
        </button>{" "}
        <button type="button" class="button is-small" disabled={runs} onClick={() => (isAsking.value = true)}>
          Drop it now …
        </button>
      </p>
      {shown && (
        <div role="status">
          <p>
            {shown.dry_run ? "Nothing was dropped. This would go" : "The last run"}, <Time at={shown.created_at} />: {said(shown)}
          </p>
          {[...new Set(shown.dropped.map((each) => each.what))].map((what) => {
            const ofKind = shown.dropped.filter((each) => each.what === what);
            return (
              <details key={what}>
                <summary>
                  {words(what)}: {amount(ofKind)}
                </summary>
                <ul>
                  {ofKind.map((each) => (
                    <li key={each.project_id}>
                      {each.project_name ?? "of no project"}: {amount([each])}
                    </li>
                  ))}
                </ul>
              </details>
            );
          })}
        </div>
      )}
      {isAsking.value && (
        <Dialog label="Drop what is older" onClose={() => (isAsking.value = false)} class="ask">
          <h2>Drop what is older than these rules allow?</h2>
          <p>Only a backup or a new import brings it back. “What would go?” shows it first.</p>
          <p class="ask-buttons">
            <button type="button" class="button" onClick={() => (isAsking.value = false)}>
              Leave it
            </button>
            <button type="button" class="button is-danger" onClick={() => void start(false)}>
              Drop it
            </button>
          </p>
        </Dialog>
      )}
    </Panel>
  );
}

/** Rules, and settings where no rule is of everything. */
function lines({ rules, settings }: Schemas["Retention"]): Line[] {
  return settings.flatMap(({ what, days }) => {
    const found = rules.filter((rule) => rule.what === what).map((rule) => ({ ...rule, of: rule.user ?? rule.project_name ?? "everything" }));
    return found.some((rule) => rule.of === "everything") ? found : [{ what, days, of: "everything" }, ...found];
  });
}

function words(what: string): string {
  return what.replaceAll("_", " ");
}

function said(run: Run): string {
  if (!run.finished_at) return `under way: ${words(run.stage ?? "beginning")}.`;
  return run.status === "failed" ? "it failed. See the worker's log." : run.dropped.length ? "" : "nothing is old enough to go.";
}

function amount(dropped: Run["dropped"]): string {
  const [sessions, rows, size] = (["sessions", "rows", "bytes"] as const).map((name) => dropped.reduce((sum, each) => sum + each[name], 0)) as [number, number, number];
  return `${sessions ? `${plural(sessions, "session")}, ` : ""}${plural(rows, "row")}, ${bytes(size)}`;
}
