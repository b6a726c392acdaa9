/** The parts of a cost, with the colours that the same tokens have elsewhere. */

export const COST_PARTS = [
  { name: "cache_read_usd", color: "--series-3", tokens: "cache_read_tokens" },
  { name: "cache_write_usd", color: "--series-5", tokens: "cache_creation_tokens" },
  { name: "output_usd", color: "--series-4", tokens: "output_tokens" },
  { name: "input_usd", color: "--series-1", tokens: "input_tokens" },
  { name: "unknown_usd", color: "--series-6", tokens: null },
] as const;
