/** Light or dark: as the system has it, unless the viewer chose. */

import { signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";

const PLACE = "tracker.theme";

export const theme = signal<Theme>(stored());

function stored(): Theme {
  const value = localStorage.getItem(PLACE);
  return value === "light" || value === "dark" ? value : "system";
}

export function setTheme(value: Theme): void {
  theme.value = value;
  if (value === "system") localStorage.removeItem(PLACE);
  else localStorage.setItem(PLACE, value);
  applyTheme();
}

export function applyTheme(): void {
  if (theme.peek() === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme.peek();
}
