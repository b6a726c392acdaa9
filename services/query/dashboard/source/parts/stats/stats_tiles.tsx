/** The ten numbers of a range, each with the period before. */

import { pageAddress } from "../../address/filters";
import { rangeBefore } from "../../address/range";
import type { Schemas } from "../../api/answers";
import { seesTexts } from "../../api/identity";
import type { MeasureName } from "../../format/measures";
import { Tile } from "./tile";
import { allTokens, cacheHitRate } from "./token_split";

type Totals = Schemas["Totals"];

const SHOWN: readonly { of: MeasureName; page?: string; value: (totals: Totals) => number | null }[] = [
  { of: "active_minutes", value: (totals) => totals.active_minutes },
  { of: "active_sessions", page: "/sessions", value: (totals) => totals.active_sessions },
  { of: "user_messages", value: (totals) => totals.user_messages },
  { of: "tool_calls", page: "/tools", value: (totals) => totals.tool_calls },
  { of: "error_rate", page: "/tools", value: (totals) => (totals.tool_calls ? totals.tool_errors / totals.tool_calls : null) },
  { of: "files_modified", page: "/files", value: (totals) => totals.files_modified },
  { of: "lines_added", value: (totals) => totals.lines_added },
  { of: "cost_usd", page: "/usage", value: (totals) => totals.cost_usd },
  { of: "total_tokens", page: "/usage", value: allTokens },
  { of: "cache_hit_rate", page: "/usage", value: cacheHitRate },
];

interface Props {
  totals: Totals;
  before: Totals | undefined;
  /** A filter that holds for these numbers and does not stand in the address. */
  filter?: Record<string, string>;
}

export function StatsTiles({ totals, before, filter = {} }: Props) {
  const needsTexts = (page: string) => page === "/sessions" || page === "/files";
  return (
    <div class="tiles">
      {SHOWN.map(({ of, page, value }) => (
        <Tile
          key={of}
          of={of}
          value={value(totals)}
          before={before ? value(before) : undefined}
          without={of === "cost_usd" && totals.api_calls === 0 ? "no calls" : undefined}
          beforeLabel={rangeBefore.value?.label}
          href={page && (seesTexts.value || !needsTexts(page)) ? pageAddress(page, filter) : undefined}
        />
      ))}
    </div>
  );
}
