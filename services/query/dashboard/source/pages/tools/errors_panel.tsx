/** Why calls failed: the classes, and the newest calls of the chosen one. */

import { address, withParameters } from "../../address/address";
import type { Schemas } from "../../api/answers";
import { seesTexts } from "../../api/identity";
import type { Reading } from "../../api/use_read";
import { errorClassDefinition, errorClassLabel } from "../../format/error_classes";
import { count, percent, plural } from "../../format/quantities";
import { BarList } from "../../parts/charts/bar_list";
import { Loaded, Panel } from "../../parts/panel";
import { Time } from "../../parts/time";

type ErrorClass = Schemas["ErrorClass"];

const HEIGHT = 420;

export function ErrorsPanel({ errors }: { errors: Reading<Schemas["ToolErrors"]> }) {
  const wanted = address.value.parameters.get("error");
  return (
    <>
      <Panel title="Why calls failed" about="failed, timed out, rejected and cancelled calls" class={seesTexts.value ? "third" : "half"} csv={errors.address}>
        <Loaded reading={errors} what="the reasons" height={HEIGHT}>
          {(data) => <Classes classes={data.classes} failed={data.failed_calls} chosen={chosenOf(data.classes, wanted)} />}
        </Loaded>
      </Panel>
      <Panel title="The chosen reason" class={seesTexts.value ? "two-thirds" : "half"}>
        <Loaded reading={errors} what="the calls" height={HEIGHT}>
          {(data) => <Chosen error={chosenOf(data.classes, wanted)} />}
        </Loaded>
      </Panel>
    </>
  );
}

/** The one in the address, or the most frequent. */
function chosenOf(classes: readonly ErrorClass[], wanted: string | null): ErrorClass | null {
  return classes.find((each) => each.error_class === wanted) ?? classes[0] ?? null;
}

function Classes({ classes, failed, chosen }: { classes: readonly ErrorClass[]; failed: number; chosen: ErrorClass | null }) {
  if (classes.length === 0) return <p class="quiet">Every call in this range succeeded.</p>;
  return (
    <>
      <BarList
        label="Reasons by calls"
        bars={classes.map((each) => ({
          key: each.error_class,
          label: errorClassLabel(each.error_class),
          title: `${errorClassDefinition(each.error_class)} ${percent(each.share)} of ${plural(failed, "call")}.`,
          value: each.calls,
          text: count(each.calls),
          href: withParameters({ error: each.error_class }),
          isChosen: each === chosen,
        }))}
      />
      <p class="quiet errors-sum">{plural(failed, "call")} in all</p>
    </>
  );
}

function Chosen({ error }: { error: ErrorClass | null }) {
  if (error === null) return <p class="quiet">There is none.</p>;
  return (
    <>
      <p>
        <b>{errorClassLabel(error.error_class)}</b>: {errorClassDefinition(error.error_class)}
      </p>
      <p class="quiet errors-tools">
        {plural(error.calls, "call")}, {percent(error.share)} of all that did not succeed; last <Time at={error.last_seen} />.{" "}
        {error.tools.map((tool) => (
          <a key={tool.tool_name} class="badge" href={withParameters({ tool: tool.tool_name })} title="Show only this tool">
            {tool.tool_name} {count(tool.calls)}
          </a>
        ))}
      </p>
      {seesTexts.value && error.examples.length > 0 && (
        <>
          <h3>The newest calls</h3>
          <ul class="failed-calls">
            {error.examples.map((call) => (
              <FailedCall key={call.id} call={call} />
            ))}
          </ul>
        </>
      )}
    </>
  );
}

function FailedCall({ call }: { call: Schemas["FailedCall"] }) {
  const head = (
    <>
      <span class="badge is-bad">{call.tool_name}</span> <Time at={call.timestamp} />
    </>
  );
  return (
    <li>
      {call.session_id ? (
        <a href={`/sessions/${encodeURIComponent(call.session_id)}?at=${call.id}`} data-item title="Show it in its session">
          {head} <span>in its session</span>
        </a>
      ) : (
        head
      )}
      {call.input && <pre class="failed-input" tabIndex={0}>{call.input}</pre>}
      <pre class="failed-error" tabIndex={0}>{call.error ?? "What Claude was told is not kept."}</pre>
    </li>
  );
}
