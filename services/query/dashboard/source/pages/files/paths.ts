/** Paths of any system, and the addresses of their pages. */

import { withParameters } from "../../address/address";

export interface Crumb {
  name: string;
  /** The beginning of the path up to here, as the API takes a folder: `/home/ann/*`. */
  prefix: string;
}

export function isFolder(path: string): boolean {
  return path.endsWith("*");
}

/** "upload.ts", or "src/" of a folder. */
export function nameOf(path: string): string {
  const plain = path.replace(/\*$/, "");
  const name = plain.replace(/[\\/]+$/, "").split(/[\\/]/).at(-1) ?? "";
  return name ? (isFolder(path) && /[\\/]$/.test(plain) ? `${name}/` : name) : plain || "/";
}

/** What stands before the name, its last sign included. */
export function folderOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
}

/** The folders above a path, the outermost first. */
export function crumbsOf(path: string): Crumb[] {
  const plain = path.replace(/[\\/]?\*$/, "");
  const crumbs: Crumb[] = [];
  for (const found of plain.matchAll(/[^\\/]*[\\/]/g)) {
    const end = (found.index ?? 0) + found[0].length;
    crumbs.push({ name: found[0], prefix: `${plain.slice(0, end)}*` });
  }
  return crumbs;
}

/** The page of a path, without the filters of the page before: its history is told whole. */
export function historyAddress(path: string, projectId?: number | string | null): string {
  return withParameters({ path, project: projectId == null ? null : String(projectId) }, "/files", new URLSearchParams());
}
