/** One of a few: which series, which measure. On a phone more than three are a list to open, so that what they switch stays on the screen. */

import { PHONE, useMedia } from "./use_media";

interface Props<T extends string> {
  label: string;
  options: readonly { value: T; label: string }[];
  value: T;
  onChange: (value: T) => void;
}

export function Switch<T extends string>({ label, options, value, onChange }: Props<T>) {
  const isPhone = useMedia(`screen and ${PHONE}`);
  if (isPhone && options.length > 3)
    return (
      <select class="input" aria-label={label} value={value} onChange={(event) => onChange(event.currentTarget.value as T)}>
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </select>
    );
  return (
    <span class="switch" role="group" aria-label={label}>
      {options.map((option) => (
        <button type="button" key={option.value} aria-pressed={option.value === value} onClick={() => onChange(option.value)}>
          {option.label}
        </button>
      ))}
    </span>
  );
}
