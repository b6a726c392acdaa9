/** Where files are dropped or chosen. */

import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { me, seesNames } from "../../api/identity";
import { useRead } from "../../api/use_read";
import { commandHere } from "../../parts/text/commands";
import { CopyText } from "../../parts/text/copy_text";
import { Hint } from "../../parts/notes/hint";
import { type Found, foundIn, foundInDrop } from "./found_files";
import { startRun } from "./import_run";

export function DropZone() {
  const isOver = useSignal(false);
  const person = useRef<HTMLInputElement>(null);
  const files = useRef<HTMLInputElement>(null);
  const folder = useRef<HTMLInputElement>(null);
  const boundUser = me.value?.key?.user ?? null;
  const users = useRead(seesNames.value && boundUser === null ? "/api/users" : null, { limit: 100 });
  const names = users.data?.items.map((user) => user.name) ?? [];

  function begin(look: (onFound: (files: number) => void) => Promise<Found>): void {
    void startRun(look, boundUser ?? person.current?.value.trim() ?? "");
  }

  function choose(input: HTMLInputElement): void {
    if (!input.files?.length) return;
    const found = foundIn(input.files);
    begin(() => Promise.resolve(found));
  }

  return (
    <section
      class={isOver.value ? "drop is-over" : "drop"}
      aria-label="Import files"
      onDragOver={(event) => {
        event.preventDefault();
        isOver.value = true;
      }}
      onDragLeave={() => (isOver.value = false)}
      onDrop={(event) => {
        event.preventDefault();
        isOver.value = false;
        const items = event.dataTransfer?.items;
        if (!items?.length) return;
        // Asked at once: the browser takes the items back after the event.
        begin(lookIn(items));
      }}
    >
      <p class="drop-title">Drop a file or the folder of Claude Code here</p>
      <p class="quiet">
        <code>~/.claude</code>, any part of it, <code>~/.claude.json</code>, a .zip, .tar, .tar.gz or .tar.zst of it, or another tracker's export of everything. Only new files are sent. Credentials never are.
      </p>
      <p class="drop-choose">
        <button type="button" class="button is-main" onClick={() => files.current?.click()}>
          Choose files
        </button>
        <button type="button" class="button" onClick={() => folder.current?.click()}>
          Choose a folder
        </button>
        {boundUser === null && (
          <label class="drop-person">
            <Hint text="Whose history is it? Left empty, it counts for nobody.">Person</Hint>
            <input class="input" ref={person} list="import-people" maxLength={200} defaultValue={names.length === 1 ? names[0] : ""} key={names.length === 1 ? names[0] : ""} aria-label="Whose history it is" />
            <datalist id="import-people">
              {names.map((name) => (
                <option key={name} value={name} />
              ))}
            </datalist>
          </label>
        )}
      </p>
      <input ref={files} class="only-read" type="file" multiple tabIndex={-1} aria-label="Files to import" onChange={(event) => choose(event.currentTarget)} />
      <input
        ref={(input) => {
          folder.current = input;
          input?.setAttribute("webkitdirectory", "");
        }}
        class="only-read"
        type="file"
        tabIndex={-1}
        aria-label="Folder to import"
        onChange={(event) => choose(event.currentTarget)}
      />
      <p class="quiet drop-command">
        For a large history, or on another machine: <CopyText text={commandHere("tracker import")} />
      </p>
    </section>
  );
}

function lookIn(items: DataTransferItemList): (onFound: (files: number) => void) => Promise<Found> {
  let tell: (files: number) => void = () => {};
  const found = foundInDrop(items, (files) => tell(files));
  return (onFound) => {
    tell = onFound;
    return found;
  };
}
