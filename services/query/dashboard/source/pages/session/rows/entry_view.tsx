/** What is neither said nor called: thinking, commands, compactions, pauses, another model. */

import { memo } from "../../../parts/memo";
import { count, duration, plural } from "../../../format/quantities";
import { longDayText } from "../../../format/days";
import { clockText, dayAt, exactTime, timeText } from "../../../format/times";
import { modelName } from "../../../format/names";
import { LongText } from "./message_view";
import type { Entry, Separator } from "./rows";
import { type Story, itemAddress, toggle } from "../timeline/story";

const LABELS: Record<Entry["kind"], string> = {
  thinking: "Thinking",
  compaction: "The conversation was compacted",
  compaction_summary: "Summary after the compaction",
  command: "Command",
  command_output: "Output of the command",
  api_error: "The call of the API failed",
  notice: "Notice",
  interruption: "Interrupted by the person",
};

/** A quiet line across the page. */
export const SeparatorView = memo(function SeparatorView({ story, item, worked }: { story: Story; item: Separator; worked: boolean }) {
  return (
    <div class={`separator is-${item.kind}${story.at.value === item.id ? " is-marked" : ""}`} title={exactTime(item.timestamp)}>
      <span>{separatorText(item, worked)}</span>
    </div>
  );
});

/** From here on it is another day. */
export function DayView({ at }: { at: string | null }) {
  const day = dayAt(at);
  return (
    <h3 class="separator is-day">{day && <a href={`/days/${day}`}>{longDayText(day)}</a>}</h3>
  );
}

/** `worked`: a subagent worked all the time, of which no event is stored. */
function separatorText(item: Separator, worked: boolean): string {
  switch (item.kind) {
    case "idle_gap":
      return worked
        ? `A subagent worked for ${duration(item.seconds * 1_000)}, until ${clockText(item.until)}`
        : `Nothing happened for ${duration(item.seconds * 1_000)}, until ${dayAt(item.timestamp) === dayAt(item.until) ? clockText(item.until) : timeText(item.until)}`;
    case "model_switch":
      return `The model changed from ${modelName(item.from_model)} to ${modelName(item.to_model)}`;
  }
}

export const EntryView = memo(function EntryView({ story, item }: { story: Story; item: Entry }) {
  const isQuiet = item.kind === "interruption" || (item.kind === "compaction" && item.content.trim() === "");
  const label = item.kind === "compaction" ? compactionText(item.details) : LABELS[item.kind];
  if (isQuiet)
    return (
      <div class={`separator is-${item.kind}${story.at.value === item.id ? " is-marked" : ""}`} title={exactTime(item.timestamp)}>
        <span>{label}</span>
      </div>
    );
  // Short ones stand there at once; a summary or a thought is read on a click.
  const isShort = item.content.length < 240 && item.kind !== "thinking";
  const isOpen = isShort || item.kind === "thinking" || story.opened.value.has(item.id);
  return (
    <div class={`entry is-${item.kind}${story.at.value === item.id ? " is-marked" : ""}`} data-item tabIndex={-1}>
      <div class="entry-head">
        {isShort || item.kind === "thinking" ? (
          <strong>{label}</strong>
        ) : (
          <button type="button" class="fold" aria-expanded={isOpen} onClick={() => toggle(story.opened, item.id)}>
            <strong>{label}</strong> <span>{plural(item.content.length, "character")}</span>
          </button>
        )}
        <a class="item-link" href={itemAddress(item.id)} title={exactTime(item.timestamp)}>
          {clockText(item.timestamp)}
        </a>
      </div>
      {isOpen && (item.kind === "command" || item.kind === "command_output" ? <pre class="entry-text" tabIndex={0}>{item.content}</pre> : <LongText story={story} id={item.id} text={item.content} />)}
    </div>
  );
});

function compactionText(details: unknown): string {
  const { trigger, tokens_before } = (details ?? {}) as { trigger?: unknown; tokens_before?: unknown };
  const of = typeof tokens_before === "number" ? `, from ${count(tokens_before)} tokens` : "";
  return `${LABELS.compaction}${trigger === "auto" ? " automatically" : trigger === "manual" ? " on request" : ""}${of}`;
}
