/** What the tokens were, as one bar: read from the cache, written to it, plain input, output; and the share of input that the cache gave. */

import type { ComponentChildren } from "preact";
import { type MeasureName, measure } from "../../format/measures";
import { percent } from "../../format/quantities";
import { Hint } from "../notes/hint";

export interface Tokens {
  input_tokens: number;
  output_tokens: number;
  cache_creation_tokens: number;
  cache_read_tokens: number;
}

const KINDS = [
  { name: "cache_read_tokens", color: "--series-3" },
  { name: "cache_creation_tokens", color: "--series-5" },
  { name: "input_tokens", color: "--series-1" },
  { name: "output_tokens", color: "--series-4" },
] as const satisfies readonly { name: MeasureName; color: string }[];

export function allTokens(tokens: Tokens): number {
  return tokens.input_tokens + tokens.output_tokens + tokens.cache_creation_tokens + tokens.cache_read_tokens;
}

/** Cache reads among all input; null without any. */
export function cacheHitRate(tokens: Tokens): number | null {
  const input = tokens.input_tokens + tokens.cache_creation_tokens + tokens.cache_read_tokens;
  return input ? tokens.cache_read_tokens / input : null;
}

export function TokenSplit({ tokens }: { tokens: Tokens }) {
  const all = allTokens(tokens);
  if (all === 0) return <p class="quiet">No model was called in this range.</p>;
  const parts = KINDS.map(({ name, color }) => {
    const { label, definition, exact } = measure(name);
    return { key: name, color, value: tokens[name], text: exact(tokens[name]), label: <Hint text={definition}>{label}</Hint> };
  });
  return <Split parts={parts} />;
}

export interface Part {
  key: string;
  label: ComponentChildren;
  /** The name of its colour. */
  color: string;
  value: number;
  text: string;
}

/** Parts of a whole: as one bar, and as a list with the share of each. */
export function Split({ parts }: { parts: readonly Part[] }) {
  const all = parts.reduce((sum, { value }) => sum + value, 0) || 1;
  return (
    <div class="token-split">
      <div class="token-bar" aria-hidden="true">
        {parts.map(({ key, value, color }) => (
          <span key={key} style={{ width: `${(value / all) * 100}%`, background: `var(${color})` }} />
        ))}
      </div>
      <dl>
        {parts.map(({ key, label, color, value, text }) => (
          <div key={key}>
            <dt>
              <i class="legend-mark" style={{ background: `var(${color})` }} /> {label}
            </dt>
            <dd>{text}</dd>
            <dd class="quiet">{percent(value / all)}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
