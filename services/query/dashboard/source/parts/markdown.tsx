/** Stored text as Markdown. The one place where text becomes markup: HTML in it stays text, and what comes out goes through a sanitizer. */

import DOMPurify from "dompurify";
import { Marked } from "marked";
import { useLayoutEffect, useRef } from "preact/hooks";
import { highlighted } from "./highlighting";
import "./markdown.css";

const marked = new Marked({
  gfm: true,
  // People end a line where they mean it to end.
  breaks: true,
  // No HTML: a tag is shown as it was written.
  tokenizer: { html: () => undefined, tag: () => undefined },
  renderer: {
    // A picture would ask another host; the policy of the page forbids it anyway.
    image: ({ href, text }) => `<a href="${escaped(href)}">${escaped(text || href)}</a>`,
    checkbox: ({ checked }) => (checked ? "☑ " : "☐ "),
  },
});

const purifier = DOMPurify();
const RULES = {
  ALLOWED_TAGS: "a,p,br,hr,h1,h2,h3,h4,h5,h6,strong,em,del,code,pre,blockquote,ul,ol,li,table,thead,tbody,tr,th,td,span".split(","),
  ALLOWED_ATTR: ["href", "title", "class", "start", "align"],
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  RETURN_DOM_FRAGMENT: true as const,
};

purifier.addHook("afterSanitizeAttributes", (node) => {
  // Only the language of code, so that text cannot look like a part of the page.
  if (!/^language-[\w+#.-]+$/.test(node.getAttribute("class") ?? "")) node.removeAttribute("class");
  // What scrolls sideways can be reached with the keyboard.
  if (node.nodeName === "PRE" || node.nodeName === "TABLE") node.setAttribute("tabindex", "0");
  const href = node.getAttribute("href");
  if (href === null) return;
  if (/^(https?:|mailto:)/i.test(href)) {
    node.setAttribute("target", "_blank");
    node.setAttribute("rel", "noopener noreferrer nofollow");
    if (!node.getAttribute("title")) node.setAttribute("title", href);
  } else {
    // A path of the project: it leads nowhere from here.
    node.removeAttribute("href");
    node.setAttribute("title", href);
  }
});

const MOST_KEPT = 300;
// The parser's time grows with the square of some texts, so a long one is parsed piece by piece; one that has no end of a block
// within so many characters is shown as it is.
const PIECE = 8_000;
const LONGEST_PIECE = 16_000;
const kept = new Map<string, DocumentFragment>();

function nodesOf(text: string): DocumentFragment {
  let nodes = kept.get(text);
  if (!nodes) {
    nodes = document.createDocumentFragment();
    for (const piece of piecesOf(text)) nodes.append(pieceNodes(piece));
    if (kept.size >= MOST_KEPT) kept.delete(kept.keys().next().value as string);
    kept.set(text, nodes);
  }
  return nodes.cloneNode(true) as DocumentFragment;
}

function pieceNodes(piece: string): Node {
  if (piece.length <= LONGEST_PIECE) {
    try {
      const nodes = purifier.sanitize(marked.parse(piece, { async: false }), RULES);
      for (const code of nodes.querySelectorAll("pre > code")) highlight(code);
      return nodes;
    } catch (error) {
      // Thousands of quotes in each other: the parser calls itself for each.
      if (!(error instanceof RangeError)) throw error;
    }
  }
  const plain = document.createElement("p");
  plain.className = "is-plain";
  plain.textContent = piece;
  return plain;
}

/** A long text, cut at empty lines that are not within code. */
function piecesOf(text: string): string[] {
  if (text.length <= PIECE) return [text];
  const pieces: string[] = [];
  let piece: string[] = [];
  let length = 0;
  let fence: string | null = null;
  for (const line of text.split("\n")) {
    const mark = /^\s{0,3}(`{3,}|~{3,})/.exec(line)?.[1];
    if (mark && fence === null) fence = mark;
    else if (mark && fence !== null && mark.startsWith(fence)) fence = null;
    piece.push(line);
    length += line.length + 1;
    if (length >= PIECE && fence === null && line.trim() === "") {
      pieces.push(piece.join("\n"));
      piece = [];
      length = 0;
    }
  }
  pieces.push(piece.join("\n"));
  return pieces;
}

export function Markdown({ text }: { text: string }) {
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    box.current?.replaceChildren(nodesOf(text));
  }, [text]);
  return <div ref={box} class="markdown" />;
}

function highlight(code: Element): void {
  const nodes = highlighted(code.className.replace(/^language-/, ""), code.textContent ?? "");
  if (nodes) code.replaceChildren(nodes);
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
