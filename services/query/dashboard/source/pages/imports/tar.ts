/** A tar of files, as a Blob that refers to them: the browser reads them while it sends. So it takes no memory, and paths stay as they are. */

const BLOCK = 512;
/** What the name field of a header holds. */
const NAME_BYTES = 100;
const encoder = new TextEncoder();

export interface TarFile {
  path: string;
  file: File;
}

/** How many bytes the file adds. */
export function memberBytes({ path, file }: TarFile): number {
  const name = encoder.encode(path).length;
  const long = name > NAME_BYTES ? BLOCK + padded(name + 1) : 0;
  return long + BLOCK + padded(file.size);
}

export function tarOf(files: readonly TarFile[]): Blob {
  const parts: BlobPart[] = [];
  for (const { path, file } of files) {
    const name = encoder.encode(path);
    if (name.length > NAME_BYTES) {
      // GNU's way for long names: a member whose content is the name of the next.
      const content = new Uint8Array(padded(name.length + 1));
      content.set(name);
      parts.push(header(encoder.encode("././@LongLink"), name.length + 1, 0, "L"), content);
    }
    parts.push(header(name.slice(0, NAME_BYTES), file.size, Math.floor(file.lastModified / 1_000), "0"), file, new Uint8Array(padded(file.size) - file.size));
  }
  parts.push(new Uint8Array(2 * BLOCK));
  return new Blob(parts, { type: "application/x-tar" });
}

function padded(size: number): number {
  return Math.ceil(size / BLOCK) * BLOCK;
}

function header(name: Uint8Array, size: number, seconds: number, type: string): Uint8Array<ArrayBuffer> {
  const block = new Uint8Array(BLOCK);
  const put = (at: number, text: string) => block.set(encoder.encode(text), at);
  const octal = (value: number, digits: number) => value.toString(8).padStart(digits, "0");
  block.set(name, 0);
  put(100, "0000644\0");
  put(108, "0000000\0");
  put(116, "0000000\0");
  put(124, `${octal(size, 11)}\0`);
  put(136, `${octal(Math.max(0, seconds), 11)}\0`);
  put(156, type);
  put(257, "ustar  \0");
  // The checksum is of the block with spaces in its place.
  put(148, "        ");
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(148, `${octal(sum, 6)}\0 `);
  return block;
}
