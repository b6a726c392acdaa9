/** From a chart or a map to the table behind it, and back. */

interface Props {
  isTable: boolean;
  onChange: (isTable: boolean) => void;
  /** What it is when it is no table. */
  picture?: string;
  class?: string;
}

export function TableSwitch({ isTable, onChange, picture = "Chart", class: extra = "" }: Props) {
  return (
    <button type="button" class={`button is-quiet is-small ${extra}`} aria-pressed={isTable} onClick={() => onChange(!isTable)}>
      {isTable ? picture : "Table"}
    </button>
  );
}
