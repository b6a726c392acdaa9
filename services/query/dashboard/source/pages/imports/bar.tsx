/** A bar that fills, with what it is of and how far it is in words. */

import { percent } from "../../format/quantities";

export function Bar({ label, share, text }: { label: string; share: number; text: string }) {
  const shown = Math.max(0, Math.min(1, share));
  return (
    <div class="progress">
      <span class="progress-label">{label}</span>
      <span class="progress-track" role="progressbar" aria-label={label} aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(shown * 100)} aria-valuetext={`${percent(shown)}, ${text}`}>
        <span class="progress-fill" style={{ width: `${shown * 100}%` }} />
      </span>
      <span class="progress-text">{text}</span>
    </div>
  );
}
