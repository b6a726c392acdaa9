/** A small course of numbers in a row of a table: its shape, not its values. */

import { type Values, barsPath } from "./scales";

const WIDTH = 80;
const HEIGHT = 20;

export function Sparkline({ values, label }: { values: Values; label: string }) {
  const most = values.reduce<number>((one, other) => Math.max(one, other ?? 0), 0);
  if (most === 0 || values.length < 2) return <span class="quiet">–</span>;
  return (
    <svg class="sparkline" width={WIDTH} height={HEIGHT} role="img" aria-label={label}>
      <title>{label}</title>
      <path d={barsPath(values, [], { left: 0, top: 0, width: WIDTH, height: HEIGHT, dates: values.length, most })} />
    </svg>
  );
}
