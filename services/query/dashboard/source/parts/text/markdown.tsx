/** Stored text as Markdown. The parser's tokens become nodes one by one: no text is ever read as markup, so HTML in it stays text. */

import { Lexer, type MarkedToken, type Token, Tokenizer, type Tokens } from "marked";
import { useLayoutEffect, useRef } from "preact/hooks";
import { highlighted } from "./highlighting";
import "./markdown.css";

/** No HTML: a tag is shown as it was written. */
class NoHtml extends Tokenizer {
  override html() {
    return undefined;
  }
  override tag() {
    return undefined;
  }
}

const OPTIONS = {
  gfm: true,
  // People end a line where they mean it to end.
  breaks: true,
  tokenizer: new NoHtml(),
};

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
      const nodes = document.createDocumentFragment();
      nodes.append(...all(Lexer.lex(piece, OPTIONS)));
      return nodes;
    } catch (error) {
      // Thousands of quotes in each other: the parser calls itself for each.
      if (!(error instanceof RangeError)) throw error;
    }
  }
  return element("p", [piece], { class: "is-plain" });
}

function all(tokens: readonly Token[] | undefined): (Node | string)[] {
  return (tokens ?? []).flatMap((token) => nodeOf(token as MarkedToken) ?? []);
}

/** What a token is on the page; null for what is not shown. */
function nodeOf(token: MarkedToken): Node | string | (Node | string)[] | null {
  switch (token.type) {
    case "space":
    case "def":
      return null;
    case "heading":
      return element(`h${token.depth}`, all(token.tokens));
    case "paragraph":
      return element("p", all(token.tokens));
    case "text":
      return token.tokens ? all(token.tokens) : decoded(token.text);
    case "escape":
      return token.text;
    case "html":
      return token.raw;
    case "strong":
    case "em":
    case "del":
      return element(token.type, all(token.tokens));
    case "codespan":
      return element("code", [token.text]);
    case "br":
    case "hr":
      return element(token.type);
    case "code": {
      const code = highlighted(token.lang?.split(/\s/)[0] ?? "", token.text) ?? token.text;
      // What scrolls sideways can be reached with the keyboard.
      return element("pre", [element("code", [code])], { tabindex: "0" });
    }
    case "blockquote":
      return element("blockquote", all(token.tokens));
    case "list":
      return element(token.ordered ? "ol" : "ul", token.items.map(nodeOf).flatMap((item) => item ?? []), token.ordered && token.start !== 1 ? { start: String(token.start) } : {});
    case "list_item":
      return element("li", all(token.tokens));
    case "checkbox":
      return token.checked ? "☑ " : "☐ ";
    case "table":
      return tableOf(token);
    case "link":
      return linkTo(token.href, all(token.tokens));
    case "image":
      // A picture would ask another host; the policy of the page forbids it anyway.
      return linkTo(token.href, [token.text || token.href]);
  }
}

function tableOf(table: Tokens.Table): Node {
  const row = (cells: readonly Tokens.TableCell[], name: "th" | "td") => element("tr", cells.map((cell) => element(name, all(cell.tokens), cell.align ? { align: cell.align } : {})));
  return element("table", [element("thead", [row(table.header, "th")]), element("tbody", table.rows.map((cells) => row(cells, "td")))], { tabindex: "0" });
}

/** A link out says where it leads, and tells nobody where it came from. A path of the project leads nowhere from here. */
function linkTo(href: string, children: (Node | string)[]): Node {
  const isOutside = /^(https?:|mailto:)/i.test(href);
  return element("a", children, isOutside ? { href, title: href, target: "_blank", rel: "noopener noreferrer nofollow" } : { title: href });
}

function element(name: string, children: (Node | string)[] = [], attributes: Record<string, string> = {}): HTMLElement {
  const made = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
  made.append(...children);
  return made;
}

/** Character references such as `&amp;`, which Markdown has from HTML. The parser of HTML gets one reference at a time, and gives text. */
function decoded(text: string): string {
  return text.replace(/&(?:#\d{1,7}|#[xX][\da-fA-F]{1,6}|[a-zA-Z][a-zA-Z\d]{1,31});/g, (reference) => new DOMParser().parseFromString(reference, "text/html").body.textContent ?? reference);
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
