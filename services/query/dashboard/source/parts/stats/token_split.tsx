/** What the tokens were, as one bar: read from the cache, written to it, plain input, output; and the share of input that the cache gave. */

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
  if (all === 0) return <p class="quiet">No call of a model in this range has a usage record.</p>;
  return (
    <div class="token-split">
      <div class="token-bar" aria-hidden="true">
        {KINDS.map(({ name, color }) => (
          <span key={name} style={{ width: `${(tokens[name] / all) * 100}%`, background: `var(${color})` }} />
        ))}
      </div>
      <dl>
        {KINDS.map(({ name, color }) => {
          const { label, definition, exact } = measure(name);
          return (
            <div key={name}>
              <dt>
                <i class="legend-mark" style={{ background: `var(${color})` }} /> <Hint text={definition}>{label}</Hint>
              </dt>
              <dd>{exact(tokens[name])}</dd>
              <dd class="quiet">{percent(tokens[name] / all)}</dd>
            </div>
          );
        })}
      </dl>
    </div>
  );
}
