/** The files of Claude Code among what was dropped or chosen, by their names, as `tracker import` finds them (client/history/claude_files.py). */

import type { TarFile } from "./tar";

export interface Found {
  /** What goes into an archive. */
  files: TarFile[];
  /** Sent as they are: archives, and named files of which only the tracker can say what they are. */
  single: File[];
  problems: { path: string; reason: string }[];
}

const NAMES = new Set(["sessions-index.json", ".claude.json", "claude.json"]);
/** Folders of ~/.claude in which anything may lie, copies of the person's own files included. */
const NOT_OURS = new Set(["file-history", "tool-results", "paste-cache", "shell-snapshots"]);
const CREDENTIALS = ".credentials.json";

const isOurs = (name: string) => name.endsWith(".jsonl") || NAMES.has(name);

export function nothingFound(): Found {
  return { files: [], single: [], problems: [] };
}

/** A file of a folder. Others than Claude Code's are passed over. */
export function addFromFolder(found: Found, path: string, file: File): void {
  const folders = path.split("/").slice(0, -1);
  if (!isOurs(file.name) || folders.some((folder) => NOT_OURS.has(folder))) return;
  if (file.size > 0) found.files.push({ path, file });
}

/** A file that was named itself, so the person is told why it is not imported. */
export function addNamed(found: Found, file: File): void {
  if (file.name === CREDENTIALS) found.problems.push({ path: file.name, reason: "credentials are never imported, so it was not opened" });
  else if (file.size === 0) found.problems.push({ path: file.name, reason: "is empty" });
  else if (isOurs(file.name)) found.files.push({ path: file.name, file });
  else found.single.push(file);
}

/** What an `<input type=file>` has; with `webkitdirectory` each has its path. */
export function foundIn(chosen: FileList): Found {
  const found = nothingFound();
  for (const file of chosen) {
    if (file.webkitRelativePath) addFromFolder(found, file.webkitRelativePath, file);
    else addNamed(found, file);
  }
  return found;
}

/** What was dropped. The items are gone after the event, so this takes them before its first wait. */
export async function foundInDrop(items: DataTransferItemList, onFound: (files: number) => void): Promise<Found> {
  const dropped = [...items].filter((item) => item.kind === "file").map((item) => {
    const entry = item.webkitGetAsEntry();
    return entry?.isDirectory ? { folder: entry as FileSystemDirectoryEntry, file: null } : { folder: null, file: item.getAsFile() };
  });
  const found = nothingFound();
  for (const { folder, file } of dropped) {
    if (file) addNamed(found, file);
    if (folder) await addEntries(found, folder, onFound);
  }
  return found;
}

async function addEntries(found: Found, folder: FileSystemDirectoryEntry, onFound: (files: number) => void): Promise<void> {
  const reader = folder.createReader();
  for (;;) {
    // A hundred at a time, until there are none.
    const entries = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (entries.length === 0) return;
    for (const entry of entries) {
      const path = entry.fullPath.replace(/^\//, "");
      if (entry.isDirectory) {
        if (!NOT_OURS.has(entry.name)) await addEntries(found, entry as FileSystemDirectoryEntry, onFound);
      } else if (isOurs(entry.name)) {
        try {
          const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
          addFromFolder(found, path, file);
          onFound(found.files.length);
        } catch (error) {
          found.problems.push({ path, reason: error instanceof Error ? error.message : "cannot be read" });
        }
      }
    }
  }
}
