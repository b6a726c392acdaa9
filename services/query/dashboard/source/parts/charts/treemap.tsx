/** Parts of a whole as areas, the largest first. Each is a link. The table beside it has the same. */

import { PHONE, useMedia } from "../use_media";
import { placesOf } from "./tree_places";

export interface Tile {
  key: string;
  label: string;
  value: number;
  text: string;
  /** The name of its colour. */
  color: string;
  href?: string | undefined;
}

const WIDTH = 100;

export function Treemap({ label, tiles }: { label: string; tiles: readonly Tile[] }) {
  // About the shape in which it is drawn: only the ratios depend on it.
  const height = useMedia(PHONE) ? 90 : 42;
  const places = placesOf(tiles.map(({ value }) => value), WIDTH, height);
  return (
    <svg class="treemap" role="group" aria-label={label}>
      {tiles.map(({ key, label, text, color, href }, index) => {
        const { x = 0, y = 0, width = 0, height: high = 0 } = places[index] ?? {};
        const drawn = (
          <svg key={key} x={`${x}%`} y={`${(y / height) * 100}%`} width={`${width}%`} height={`${(high / height) * 100}%`}>
            <title>{`${label}: ${text}`}</title>
            <rect width="100%" height="100%" style={{ fill: `color-mix(in srgb, var(${color}) 32%, var(--panel))` }} />
            <foreignObject width="100%" height="100%">
              <div class="tree-tile">
                <b>{label}</b>
                <span>{text}</span>
              </div>
            </foreignObject>
          </svg>
        );
        return href ? (
          <a key={key} href={href}>
            {drawn}
          </a>
        ) : (
          drawn
        );
      })}
    </svg>
  );
}
