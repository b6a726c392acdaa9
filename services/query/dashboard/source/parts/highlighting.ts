/** Code with colours. The highlighter, and each language, is loaded when a text has it first. */

import type { HLJSApi, LanguageFn } from "highlight.js";

type Load = () => Promise<{ default: LanguageFn }>;

const LANGUAGES: Record<string, Load> = {
  bash: () => import("highlight.js/lib/languages/bash"),
  diff: () => import("highlight.js/lib/languages/diff"),
  go: () => import("highlight.js/lib/languages/go"),
  ini: () => import("highlight.js/lib/languages/ini"),
  java: () => import("highlight.js/lib/languages/java"),
  json: () => import("highlight.js/lib/languages/json"),
  python: () => import("highlight.js/lib/languages/python"),
  rust: () => import("highlight.js/lib/languages/rust"),
  sql: () => import("highlight.js/lib/languages/sql"),
  typescript: () => import("highlight.js/lib/languages/typescript"),
  xml: () => import("highlight.js/lib/languages/xml"),
  yaml: () => import("highlight.js/lib/languages/yaml"),
};

const OTHER_NAMES: Record<string, string> = {
  sh: "bash",
  shell: "bash",
  zsh: "bash",
  console: "bash",
  patch: "diff",
  golang: "go",
  toml: "ini",
  // TypeScript's has all of it.
  javascript: "typescript",
  js: "typescript",
  jsx: "typescript",
  mjs: "typescript",
  jsonc: "json",
  json5: "json",
  jsonl: "json",
  py: "python",
  rs: "rust",
  ts: "typescript",
  tsx: "typescript",
  html: "xml",
  svg: "xml",
  vue: "xml",
  yml: "yaml",
};

// To colour more would hold up scrolling.
const LONGEST = 20_000;

let core: Promise<HLJSApi> | null = null;
const known = new Map<string, Promise<void>>();

/** Markup with classes alone; null if the language is not known or the code too long. */
export async function highlightedIn(language: string, code: string): Promise<string | null> {
  const name = OTHER_NAMES[language.toLowerCase()] ?? language.toLowerCase();
  const load = Object.hasOwn(LANGUAGES, name) ? LANGUAGES[name] : undefined;
  if (!load || code.length > LONGEST) return null;
  core ??= import("highlight.js/lib/core").then((module) => module.default);
  const highlighter = await core;
  if (!known.has(name)) known.set(name, load().then((module) => highlighter.registerLanguage(name, module.default)));
  await known.get(name);
  return highlighter.highlight(code, { language: name, ignoreIllegals: true }).value;
}
