/** A small course of numbers in a row of a table: its shape, not its values. */

const WIDTH = 80;
const HEIGHT = 20;

export function Sparkline({ values, label }: { values: readonly number[]; label: string }) {
  const most = Math.max(...values, 0);
  if (most === 0 || values.length < 2) return <span class="quiet">–</span>;
  const step = WIDTH / values.length;
  return (
    <svg class="sparkline" width={WIDTH} height={HEIGHT} role="img" aria-label={label}>
      <title>{label}</title>
      {values.map((value, index) =>
        value > 0 ? (
          <rect key={index} x={index * step} width={Math.max(1, step - 1)} y={HEIGHT - Math.max(1.5, (value / most) * HEIGHT)} height={Math.max(1.5, (value / most) * HEIGHT)} />
        ) : null,
      )}
    </svg>
  );
}
