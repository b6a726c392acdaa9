/** What a person or Claude said. */

import { memo } from "../../../parts/memo";
import { measure } from "../../../format/measures";
import { compact, count, duration, plural } from "../../../format/quantities";
import { clockText, exactTime } from "../../../format/times";
import { Markdown } from "../../../parts/text/markdown";
import { modelName } from "../../../format/names";
import { contextText, rebuildText, sentence, turnReason } from "../timeline/cost_reasons";
import { type Story, itemAddress, newDay, toggle } from "../timeline/story";
import type { ItemOf } from "../timeline/timeline_store";

const MOST_CHARACTERS = 6_000;

export const MessageView = memo(function MessageView({ story, item, depth }: { story: Story; item: ItemOf<"message">; depth: number }) {
  const isPrompt = item.role === "user";
  // A subagent is asked by Claude, not by a person.
  const name = isPrompt ? (item.agent_id === null ? story.person : "Claude asked the subagent") : "Claude";
  const isMarked = story.at.value === item.id;
  return (
    <article class={`message is-${item.role}${isMarked ? " is-marked" : ""}${isPrompt && depth === 0 && item.agent_id === null ? " is-prompt" : ""}`} data-item tabIndex={-1} aria-label={name}>
      <header class="message-head">
        <strong>{name}</strong>
        {!isPrompt && item.model && <span>{modelName(item.model)}</span>}
        {isPrompt && <TurnFacts story={story} id={item.id} />}
        <a class="item-link" href={itemAddress(item.id)} title={`${exactTime(item.timestamp)}\nA link to this message`}>
          {clockText(item.timestamp)}
        </a>
      </header>
      <LongText story={story} id={item.id} text={item.content} />
    </article>
  );
});

/** What the turn that a prompt began came to. */
function TurnFacts({ story, id }: { story: Story; id: string }) {
  const found = story.turns.value.get(id);
  if (!found) return null;
  const { turn, before } = found;
  const day = newDay(turn, before);
  return (
    <span class="turn-facts" title={`Turn ${turn.number}: this prompt and all that followed until the next, subagents included.`}>
      {day && <b>{day}</b>}
      turn {turn.number}
      <span title={measure("active_minutes").definition}>{duration(turn.active_seconds * 1_000)} active</span>
      {turn.api_calls > 0 && <span title={`${turnReason(turn)}\n\n${measure("cost_usd").definition}`}>{measure("cost_usd").short(turn.cost_usd)}</span>}
      {turn.rebuilds.length > 0 && (
        <span class="is-warn" title={turn.rebuilds.map((rebuild) => `${sentence(rebuildText(rebuild))}.`).join("\n")}>
          ↻ cache rebuilt
        </span>
      )}
      {turn.thinking_ms !== null && <span title="As Claude Code measured it, over all answers of the turn.">thought {duration(turn.thinking_ms)}</span>}
      {turn.efforts.length > 0 && <span>{turn.efforts.join(", ")} effort</span>}
      {turn.context_tokens !== null && <span title={contextText(turn)}>{compact(turn.context_tokens)} of context</span>}
      {turn.tool_calls > 0 && <span>{plural(turn.tool_calls, "call")}</span>}
      {turn.tool_errors > 0 && <span class="is-bad">{count(turn.tool_errors)} failed</span>}
      {turn.lines_added + turn.lines_removed > 0 && (
        <span>
          +{count(turn.lines_added)} −{count(turn.lines_removed)}
        </span>
      )}
    </span>
  );
}

/** A text as Markdown; a long one is cut until it is asked for. */
export function LongText({ story, id, text }: { story: Story; id: string; text: string }) {
  const key = `text-${id}`;
  const isLong = text.length > MOST_CHARACTERS * 1.25;
  const isWhole = !isLong || story.opened.value.has(key);
  const end = isWhole ? text.length : text.lastIndexOf("\n", MOST_CHARACTERS) > MOST_CHARACTERS / 2 ? text.lastIndexOf("\n", MOST_CHARACTERS) : MOST_CHARACTERS;
  return (
    <>
      <Markdown text={text.slice(0, end)} />
      {isLong && (
        <button type="button" class="button is-small" onClick={() => toggle(story.opened, key)}>
          {isWhole ? "Show less" : `Show all ${count(text.length)} characters`}
        </button>
      )}
    </>
  );
}
