/** Names with how often each came, the most frequent first. Nothing if there are none. */

import { count } from "../format/quantities";

export function Counted({ title, counts }: { title: string; counts: Record<string, number> }) {
  const entries = Object.entries(counts).sort((one, other) => other[1] - one[1]);
  if (entries.length === 0) return null;
  return (
    <p class="counted">
      <b>{title}:</b>{" "}
      {entries.map(([name, number]) => (
        <span class="badge" key={name}>
          {name} {count(number)}
        </span>
      ))}
    </p>
  );
}
