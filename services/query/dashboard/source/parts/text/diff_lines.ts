/** The lines of a unified diff, with their numbers. */

export interface Line {
  kind: "added" | "removed" | "same" | "place";
  before: number | null;
  after: number | null;
  text: string;
}

/** The lines of a patch without a head, as the API has it. A hunk may have a bare `@@ @@`: then it is not known where in the file it is, and its lines have no numbers. */
export function linesOf(patch: string): Line[] {
  let before: number | null = null;
  let after: number | null = null;
  const lines = patch.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines.map((line): Line => {
    if (line.startsWith("@@")) {
      const place = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@/.exec(line);
      before = place && Number(place[1]);
      after = place && Number(place[2]);
      return { kind: "place", before: null, after: null, text: place ? line : "@@ line numbers not known @@" };
    }
    const text = line.slice(1);
    if (line.startsWith("\\")) return { kind: "place", before: null, after: null, text: line };
    const kind = line.startsWith("+") ? "added" : line.startsWith("-") ? "removed" : "same";
    const numbers = { before: kind === "added" ? null : before, after: kind === "removed" ? null : after };
    if (numbers.before !== null) before = numbers.before + 1;
    if (numbers.after !== null) after = numbers.after + 1;
    return { kind, ...numbers, text };
  });
}
