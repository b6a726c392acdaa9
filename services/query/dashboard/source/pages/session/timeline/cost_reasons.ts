/** Why calls cost what they cost, in words: what was paid for, and what had to be written to the prompt cache again. */

import type { Schemas } from "../../../api/answers";
import { compact, cost, duration, percent, plural } from "../../../format/quantities";
import terms from "../../../format/terms";
import { COST_PARTS } from "../../../parts/stats/cost_parts";
import { cacheHitRate } from "../../../parts/stats/token_split";
import type { Turn } from "./story";

export type Rebuild = Schemas["CacheRebuild"];
export type CostParts = Schemas["CostParts"];

// A smaller share does not explain a cost.
const LEAST_SHARE = 0.05;
const HOUR_SECONDS = 3_600;

/** "61 % reading the cache, 22 % writing the cache, 15 % output"; of a turn with the tokens of each. */
export function partsText(parts: CostParts, turn?: Turn): string {
  const all = COST_PARTS.reduce((sum, { name }) => sum + parts[name], 0);
  const telling = COST_PARTS.filter(({ name }) => parts[name] >= LEAST_SHARE * all).sort((a, b) => parts[b.name] - parts[a.name]);
  return all > 0 ? telling.map(({ name, tokens }) => `${percent(parts[name] / all)} ${terms.cost_parts[name].label}${turn && tokens ? ` (${compact(turn[tokens])} tokens)` : ""}`).join(", ") : "";
}

/** "since the pause of 2 h was longer than the cache is kept (5 min)". */
export function causeText({ cause, pause_seconds, cache_seconds }: Rebuild): string {
  const kept = cache_seconds >= HOUR_SECONDS ? "1 h" : "5 min";
  return terms.rebuild_causes[cause].replace("{pause}", duration(pause_seconds * 1_000)).replace("{kept}", kept);
}

/** "410K tokens were written to the cache again for $2.10, since …". */
export function rebuildText(rebuild: Rebuild): string {
  const price = rebuild.cost_usd === null ? "" : ` for ${cost(rebuild.cost_usd)}`;
  return `${rebuild.agent_id === null ? "" : "a subagent's "}${compact(rebuild.rewritten_tokens)} tokens were written to the cache again${price}, ${causeText(rebuild)}`;
}

/** "Claude Code counted 3 misses in 41 calls, the last since: tools changed"; empty if it counted none. */
export function clientCacheText(cache: Schemas["ClientCache"] | null): string {
  if (cache?.misses == null || cache.requests === null) return "";
  const causes = cache.last_miss_causes.map((cause) => cause.replaceAll("_", " ")).join(", ");
  return `Claude Code counted ${plural(cache.misses, "miss", "misses")} in ${plural(cache.requests, "call")}${causes && `, the last since: ${causes}`}`;
}

/** Why a turn cost what it cost, in one sentence; empty where it called no model. */
export function turnReason(turn: Turn): string {
  if (turn.api_calls === 0) return "";
  const price = cost(turn.cost_usd);
  const calls = `${plural(turn.api_calls, "call")} of ${turn.models.length > 1 ? "models" : "the model"}`;
  // The one that rewrote most explains most of it.
  const [most, ...others] = [...turn.rebuilds].sort((a, b) => b.rewritten_tokens - a.rewritten_tokens);
  const parts = turn.cost_parts ? `: ${partsText(turn.cost_parts, turn)}` : "";
  const again = most ? `. ${sentence(rebuildText(most))}${others.length > 0 ? `; ${plural(others.length, "more rebuild")} of the cache` : ""}` : "";
  const helpers = turn.subagents.length > 0 ? `, ${plural(turn.subagents.length, "subagent")} included` : "";
  return `${price} for ${calls}${helpers}${parts}${again}.`;
}

/** "142K tokens of context, 97 % of the turn's input from the cache". */
export function contextText(turn: Turn): string {
  if (turn.context_tokens === null) return "";
  return `The last call sent ${compact(turn.context_tokens)} tokens of context. ${percent(cacheHitRate(turn))} of the turn's input came from the cache.`;
}

export function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
