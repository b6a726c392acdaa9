/**
 * Code with colours: comments, strings, numbers, keywords, as nodes rather than markup.
 *
 * Our own, since the libraries either are large (highlight.js: 23 KB of a budget of 150) or take seconds for 10 KB of hostile text
 * (@speed-highlight/core: 2.6 s for newlines). The patterns here have no nested repetition: at worst 50 ms.
 */

type Kind = "comment" | "string" | "number" | "keyword" | "name" | "key" | "added" | "removed";

interface Language {
  /** Its groups are named after what they find; `word` is looked up. */
  pattern: RegExp;
  keywords: ReadonlySet<string>;
}

const DOUBLE = String.raw`"(?:[^"\\\n]|\\.)*"`;
const SINGLE = String.raw`'(?:[^'\\\n]|\\.)*'`;
const BACKTICK = "`(?:[^`\\\\]|\\\\.)*`";
const SLASHES = String.raw`\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$)`;
// In a shell, `a#b` is a word.
const HASH = String.raw`(?<=^|\s)#[^\n]*`;
const NUMBER = String.raw`(?<number>\b\d[\w.]*)`;
const WORD = String.raw`(?<word>[A-Za-z_$@][\w$-]*)`;
const NAME = String.raw`(?<word>[A-Za-z_$@][\w$]*)`;
const KEY_AT_START = String.raw`(?<key>^[ \t]*(?:- )?[\w."'/-]+(?=[ \t]*[:=]))`;

const C_WORDS =
  "abstract as async await break case catch chan class const continue crate debugger default defer delete do dyn else enum export extends extern false final finally fn for from func function go goto if impl implements import in instanceof interface internal is keyof let loop map match mod module move mut namespace new nil null of override package private protected pub public range readonly ref return select self sealed static struct super switch this throw throws trait true try type typeof undefined union unsafe use using var void volatile where while yield bool boolean byte char double float int long number object short string any never unknown";
const SCRIPT_WORDS =
  "and as assert async await break case class continue def del do done elif else end esac except export false fi finally for from function global if import in is lambda local match module nonlocal not or pass raise require return self set sudo then true try unless until while with yield False None True nil echo exit cd source begin param foreach";
const SQL_WORDS =
  "add all alter and as asc begin between by case check column commit constraint create cross database default delete desc distinct drop else end exists explain foreign from full function group having if in index inner insert into is join key left like limit not null offset on or order outer primary references returning right rollback select set table then trigger union unique update using values view when where with";

const set = (words: string) => new Set(words.split(" "));
const language = (parts: readonly string[], words = ""): Language => ({ pattern: new RegExp(parts.join("|"), "gm"), keywords: set(words) });
const both = (comment: string, string: string) => `(?<comment>${comment})|(?<string>${string})`;

const FAMILIES = {
  c: language([both(SLASHES, `${DOUBLE}|${SINGLE}|${BACKTICK}`), NUMBER, NAME], C_WORDS),
  // A single quote also begins a lifetime.
  rust: language([both(SLASHES, String.raw`${DOUBLE}|'(?:[^'\\\n]|\\.)'`), NUMBER, NAME], C_WORDS),
  script: language([both(HASH, String.raw`"""[\s\S]*?(?:"""|$)|'''[\s\S]*?(?:'''|$)|${DOUBLE}|${SINGLE}`), NUMBER, WORD], SCRIPT_WORDS),
  keys: language([both(`${HASH}|^;[^\\n]*`, `${DOUBLE}|${SINGLE}`), KEY_AT_START, NUMBER]),
  json: language([String.raw`(?<comment>\/\/[^\n]*)`, String.raw`(?<key>${DOUBLE}(?=\s*:))|(?<string>${DOUBLE})`, NUMBER, NAME], "true false null"),
  sql: language([both(String.raw`--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)`, SINGLE), NUMBER, NAME], `${SQL_WORDS} ${SQL_WORDS.toUpperCase()}`),
  xml: language([String.raw`(?<comment><!--[\s\S]*?(?:-->|$))`, String.raw`(?<name><\/?[\w:.-]+|\/?>)`, String.raw`(?<key>(?<![\w:@.-])[\w:@.-]+(?==))|(?<string>${DOUBLE}|${SINGLE})`]),
  diff: language([String.raw`(?<added>^\+[^\n]*)|(?<removed>^-[^\n]*)|(?<comment>^@@[^\n]*)`]),
} satisfies Record<string, Language>;

const NAMES: Record<keyof typeof FAMILIES, string> = {
  c: "typescript ts tsx javascript js jsx mjs cjs go golang java c h cpp c++ cs csharp kotlin swift php scala dart css scss zig proto",
  rust: "rust rs",
  script: "python py bash sh shell zsh console ruby rb perl powershell ps1 dockerfile makefile make nix r elixir",
  keys: "yaml yml toml ini env properties",
  json: "json jsonc json5 jsonl",
  sql: "sql postgresql",
  xml: "xml html svg vue svelte",
  diff: "diff patch",
};
const FAMILY_OF = new Map(Object.entries(NAMES).flatMap(([family, names]) => names.split(" ").map((name) => [name, family as keyof typeof FAMILIES])));

// To colour more would hold up scrolling.
const LONGEST = 10_000;

/** The code as nodes; null if the language is not known, or the code is too long. */
export function highlighted(languageName: string, code: string): DocumentFragment | null {
  const family = FAMILY_OF.get(languageName.toLowerCase());
  if (!family || code.length > LONGEST) return null;
  const { pattern, keywords } = FAMILIES[family];
  const nodes = document.createDocumentFragment();
  let done = 0;
  for (const found of code.matchAll(pattern)) {
    const kind = kindOf(found, keywords, code);
    if (kind === null || found[0] === "") continue;
    nodes.append(code.slice(done, found.index));
    const span = document.createElement("span");
    span.className = `code-${kind}`;
    span.textContent = found[0];
    nodes.append(span);
    done = found.index + found[0].length;
  }
  nodes.append(code.slice(done));
  return nodes;
}

function kindOf(found: RegExpMatchArray, keywords: ReadonlySet<string>, code: string): Kind | null {
  const groups = found.groups as Partial<Record<Kind | "word", string>>;
  if (groups.word !== undefined) {
    if (keywords.has(groups.word)) return "keyword";
    return code[(found.index ?? 0) + groups.word.length] === "(" ? "name" : null;
  }
  return (Object.keys(groups) as (Kind | "word")[]).find((name): name is Kind => name !== "word" && groups[name] !== undefined) ?? null;
}
