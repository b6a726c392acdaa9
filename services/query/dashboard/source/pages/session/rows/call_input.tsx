/** The parameters of a tool call, each as it is read best. */

import { count } from "../../../format/quantities";
import type { Call } from "./rows";

const MOST_CHARACTERS = 20_000;
// Shown as the diff that they made.
const IN_THE_DIFF = new Set(["file_path", "old_string", "new_string", "content", "edits"]);

export function CallInput({ call }: { call: Call }) {
  const parameters: unknown = call.parameters;
  if (parameters === null || parameters === undefined) return null;
  if (typeof parameters !== "object" || Array.isArray(parameters)) return <Text text={written(parameters)} />;
  const hasDiff = call.changes.some((change) => change.patch);
  const entries = Object.entries(parameters).filter(([name]) => !(hasDiff && IN_THE_DIFF.has(name)));
  const [long, short] = [entries.filter(([, value]) => isLong(value)), entries.filter(([, value]) => !isLong(value))];
  return (
    <div class="input-values">
      {long.map(([name, value]) => (
        <div key={name}>
          <p class="result-head">{name}</p>
          <Text text={written(value)} />
        </div>
      ))}
      {short.length > 0 && (
        <dl class="input-short">
          {short.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{written(value)}</dd>
            </div>
          ))}
        </dl>
      )}
    </div>
  );
}

function Text({ text }: { text: string }) {
  return <pre class="result-text" tabIndex={0}>{text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}\n… ${count(text.length - MOST_CHARACTERS)} more characters` : text}</pre>;
}

function isLong(value: unknown): boolean {
  return typeof value === "string" ? value.length > 90 || value.includes("\n") : typeof value === "object" && value !== null;
}

function written(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}
