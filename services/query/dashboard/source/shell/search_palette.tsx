/** The palette. Its code comes after the first page, so that it is there when somebody wants it: what is typed right after / must not be lost. */

import { signal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import { tryLater } from "../api/recovery";
import { Problem } from "../api/request";
import { isSearchOpen } from "./keyboard";

const palette = signal<ComponentType | null>(null);

async function loadPalette(): Promise<void> {
  try {
    const { default: Palette } = await import("./palette/palette");
    palette.value = Palette;
  } catch {
    tryLater(new Problem("The search could not be loaded.", 0, "NO_ANSWER", null), () => void loadPalette());
  }
}

export function SearchPalette() {
  useEffect(() => {
    const load = () => void loadPalette();
    // Safari has no idle callback.
    if (!("requestIdleCallback" in window)) return void setTimeout(load, 300);
    requestIdleCallback(load, { timeout: 2_000 });
  }, []);
  const isOpen = isSearchOpen.value;
  useEffect(() => {
    if (isOpen && palette.peek() === null) void loadPalette();
  }, [isOpen]);
  const Palette = palette.value;
  return isOpen && Palette ? <Palette /> : null;
}
