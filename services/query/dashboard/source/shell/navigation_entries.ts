/** The pages of the navigation, in their order. */

import { isAdmin, mayImport, seesNames, seesTexts } from "../api/identity";

export interface Entry {
  path: string;
  label: string;
  /** The letter after `g`. */
  key: string;
  /** The path of the icon, on a square of 24. */
  icon: string;
  /** Whether the viewer's key shows anything there. */
  isShown: () => boolean;
}

const always = () => true;

export const NAVIGATION: readonly Entry[] = [
  { path: "/", label: "Now", key: "n", icon: "M13 2L4 14h6l-1 8 9-12h-6z", isShown: always },
  { path: "/days", label: "Day", key: "y", icon: "M5 5h14a1 1 0 011 1v13a1 1 0 01-1 1H5a1 1 0 01-1-1V6a1 1 0 011-1zM4 10h16M8 3v4m8-4v4M8 14h4", isShown: always },
  { path: "/overview", label: "Overview", key: "o", icon: "M4 13h4v7H4zM10 4h4v16h-4zM16 9h4v11h-4z", isShown: always },
  { path: "/sessions", label: "Sessions", key: "s", icon: "M4 5h16v11H9l-5 4z", isShown: () => seesTexts.value },
  { path: "/search", label: "Search", key: "f", icon: "M10.5 3a7.5 7.5 0 105 13.1l4.7 4.7 1.4-1.4-4.7-4.7A7.5 7.5 0 0010.5 3zm0 2a5.5 5.5 0 110 11 5.5 5.5 0 010-11z", isShown: () => seesTexts.value },
  { path: "/projects", label: "Projects", key: "p", icon: "M3 6a2 2 0 012-2h4l2 2h8a2 2 0 012 2v10a2 2 0 01-2 2H5a2 2 0 01-2-2z", isShown: () => seesNames.value },
  { path: "/files", label: "Files", key: "d", icon: "M6 2h8l5 5v15H6zM13 3v5h5", isShown: () => seesTexts.value },
  { path: "/tools", label: "Tools", key: "t", icon: "M14 7a4 4 0 015-4l-3 3 2 2 3-3a4 4 0 01-5 5L7 19a2 2 0 11-3-3z", isShown: always },
  { path: "/usage", label: "Usage", key: "u", icon: "M12 3a9 9 0 109 9h-9zM14 2v8h8a8 8 0 00-8-8z", isShown: always },
  { path: "/advice", label: "What to do", key: "a", icon: "M12 2a7 7 0 00-4 12v3h8v-3a7 7 0 00-4-12zM9 21h6", isShown: always },
  { path: "/compare", label: "Compare", key: "c", icon: "M9 4v16M15 4v16M9 8H3m0 0l2-2M3 8l2 2M15 16h6m0 0l-2-2m2 2l-2 2", isShown: always },
  { path: "/imports", label: "Imports", key: "i", icon: "M12 3v10m0 0l-4-4m4 4l4-4M4 17v3h16v-3", isShown: () => mayImport.value || seesTexts.value },
  { path: "/health", label: "Health", key: "h", icon: "M3 12h4l3-7 4 14 3-7h4", isShown: always },
  { path: "/settings", label: "Settings", key: "e", icon: "M12 8a4 4 0 100 8 4 4 0 000-8zM12 2v3m0 14v3M2 12h3m14 0h3M5 5l2 2m10 10l2 2M5 19l2-2M17 7l2-2", isShown: () => isAdmin.value || seesTexts.value || mayImport.value },
];
