/** Why a session cost what it cost: one line that says it, and what it rests on. */

import type { Schemas } from "../../../api/answers";
import { useRead } from "../../../api/use_read";
import { measure } from "../../../format/measures";
import { modelName } from "../../../format/names";
import { compact, cost as money, count, percent, plural } from "../../../format/quantities";
import terms from "../../../format/terms";
import { clockText } from "../../../format/times";
import { BarList } from "../../../parts/charts/bar_list";
import { Hint } from "../../../parts/notes/hint";
import { COST_PARTS } from "../../../parts/stats/cost_parts";
import { Split } from "../../../parts/stats/token_split";
import { Time } from "../../../parts/time";
import { type Rebuild, clientCacheText, partsText, rebuildText, sentence, turnReason } from "../timeline/cost_reasons";
import { type Turn, itemAddress, threadAddress } from "../timeline/story";
import { ContextChart } from "./context_chart";

type Cost = Schemas["SessionCost"];

const MOST_TURNS = 5;

interface Props {
  cost: Cost;
  session: Schemas["Session"];
  turns: readonly Turn[];
}

export function SessionCost({ cost, session, turns }: Props) {
  const dearest = turns.filter((turn) => turn.cost_usd).sort((a, b) => (b.cost_usd ?? 0) - (a.cost_usd ?? 0)).slice(0, MOST_TURNS);
  const told = clientCacheText(cost.client_cache);
  return (
    <details class="outcome-fold">
      <summary>
        <strong>Why it cost {measure("cost_usd").short(cost.cost_usd)}</strong>
        {essence(cost)}
        {session.client_cost_usd !== null && `; Claude Code counted ${money(session.client_cost_usd)}`}
      </summary>
      <div class="cost-grid">
        {cost.parts && (
          <Block title="By what was paid for">
            <Split
              parts={COST_PARTS.filter(({ name }) => cost.parts?.[name]).map(({ name, color, tokens }) => {
                const value = cost.parts?.[name] ?? 0;
                const { label, definition } = terms.cost_parts[name];
                return {
                  key: name,
                  color,
                  value,
                  text: money(value),
                  label: (
                    <>
                      <Hint text={definition}>{sentence(label)}</Hint>
                      {tokens && ` ${compact(session[tokens])} tokens`}
                    </>
                  ),
                };
              })}
            />
          </Block>
        )}
        <Block title="By model">
          <BarList
            label="Cost by model"
            bars={cost.models.map((each, index) => ({
              key: each.model ?? index,
              label: modelName(each.model),
              value: each.cost_usd,
              text: `${money(each.cost_usd)}, ${plural(each.api_calls, "call")}`,
              title: each.parts ? partsText(each.parts) : "",
            }))}
          />
        </Block>
        {cost.subagents.length > 0 && (
          <Block title={`By subagent${cost.subagents_usd === null ? "" : `, together ${money(cost.subagents_usd)}`}`}>
            <BarList
              label="Cost by subagent"
              bars={cost.subagents.map((each) => ({
                key: each.agent_id,
                label: each.prompt ?? `Subagent ${each.agent_id}`,
                value: each.cost_usd,
                text: money(each.cost_usd),
                title: each.prompt ?? "",
                href: threadAddress(each.agent_id),
              }))}
            />
            {cost.subagents_left_out > 0 && <p class="quiet">and {plural(cost.subagents_left_out, "more subagent")}, each of which cost less</p>}
          </Block>
        )}
        {(cost.rebuilds.length > 0 || told) && (
          <Block title="When the cache was built again">
            <ul class="cost-list">
              {cost.rebuilds.map((rebuild, index) => (
                <li key={index}>
                  <TurnLink number={rebuild.turn} turns={turns} />, {clockText(rebuild.timestamp)}: {rebuildText(rebuild)}.
                </li>
              ))}
              {cost.rebuilds_left_out > 0 && <li class="quiet">and {plural(cost.rebuilds_left_out, "smaller one")}</li>}
              {told && cost.client_cache && (
                <li title="Counted by Claude Code itself since it was started: without subagents, and with smaller ones.">
                  {told}, as of <Time at={cost.client_cache.read_at} />.
                </li>
              )}
            </ul>
          </Block>
        )}
        {dearest.length > 1 && (
          <Block title="The dearest turns">
            <ul class="cost-list">
              {dearest.map((turn) => (
                <li key={turn.number}>
                  <TurnLink number={turn.number} turns={turns} />: {turnReason(turn)}
                </li>
              ))}
            </ul>
          </Block>
        )}
        {session.client_cost_usd !== null && <Counted session={session} usd={session.client_cost_usd} />}
        <ContextChart turns={turns} most={cost.most_context_tokens} />
      </div>
    </details>
  );
}

/** Claude Code's own total, and why it differs. */
function Counted({ session, usd }: { session: Props["session"]; usd: number }) {
  const { data } = useRead("/api/sessions/{session_id}/reconcile", {}, { inPath: { session_id: session.session_id } });
  return (
    <Block title={`Claude Code counted ${money(usd)}`}>
      <ul class="cost-list">
        {data?.differences.map((part, index) => (
          <li key={index}>
            {part.usd < 0 ? "" : "+"}
            {money(part.usd)}, {part.model ? modelName(part.model) : "all models"}, {part.is_certain ? "certain" : part.reason === "unknown" ? "not known" : "likely"}: {part.explanation}
          </li>
        ))}
        {data?.differences.length === 0 && <li>Here it is the same.</li>}
      </ul>
    </Block>
  );
}

/** What the fold says while it is closed. */
function essence(cost: Cost): string {
  const rebuilds = cost.rebuilds.length + cost.rebuilds_left_out;
  return [
    cost.parts && `: ${partsText(cost.parts)}`,
    rebuilds > 0 && `; ${plural(rebuilds, "rebuild")} of the cache${cost.rebuilds_usd === null ? "" : ` cost ${money(cost.rebuilds_usd)}`}`,
    cost.subagents_usd && cost.cost_usd && `; ${percent(cost.subagents_usd / cost.cost_usd)} by subagents`,
    cost.unpriced_calls > 0 && `; ${plural(cost.unpriced_calls, "call")} not priced`,
  ]
    .filter(Boolean)
    .join("");
}

function Block({ title, children }: { title: string; children: preact.ComponentChildren }) {
  return (
    <section>
      <h3>{title}</h3>
      {children}
    </section>
  );
}

function TurnLink({ number, turns }: { number: Rebuild["turn"]; turns: readonly Turn[] }) {
  const first = turns.find((turn) => turn.number === number)?.first_item_id;
  return <a href={itemAddress(first ?? "start")}>{number === 0 ? "Before the first prompt" : `Turn ${count(number)}`}</a>;
}
