/** The palette, once it is wanted: its code is loaded at its first opening. */

import { Suspense, lazy } from "preact/compat";
import { isSearchOpen } from "./keyboard";

const Palette = lazy(() => import("./palette/palette"));

export function SearchPalette() {
  if (!isSearchOpen.value) return null;
  return (
    <Suspense fallback={null}>
      <Palette />
    </Suspense>
  );
}
