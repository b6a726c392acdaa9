/** Stored text as Markdown. The one place where text becomes markup: HTML in it stays text, and what comes out goes through a sanitizer. */

import DOMPurify from "dompurify";
import { Marked } from "marked";
import { useLayoutEffect, useRef } from "preact/hooks";
import { highlightedIn } from "./highlighting";
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
  // Only classes of highlighting, so that text cannot look like a part of the page.
  const classes = (node.getAttribute("class") ?? "").split(/\s+/).filter((name) => /^(language-[\w+#.-]+|hljs[\w-]*)$/.test(name));
  if (classes.length) node.setAttribute("class", classes.join(" "));
  else node.removeAttribute("class");
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
// A longer text is shown as it is: to parse it would hold up the page.
const LONGEST = 200_000;
const kept = new Map<string, DocumentFragment>();

/** Markup from elsewhere in the dashboard, such as highlighted code, as safe nodes. */
export function safeNodes(markup: string): DocumentFragment {
  return purifier.sanitize(markup, RULES);
}

function nodesOf(text: string): DocumentFragment {
  let nodes = kept.get(text);
  if (!nodes) {
    nodes = safeNodes(marked.parse(text, { async: false }));
    if (kept.size >= MOST_KEPT) kept.delete(kept.keys().next().value as string);
    kept.set(text, nodes);
  }
  return nodes.cloneNode(true) as DocumentFragment;
}

export function Markdown({ text }: { text: string }) {
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    if (!box.current) return;
    if (text.length > LONGEST) box.current.textContent = text;
    else {
      box.current.replaceChildren(nodesOf(text));
      for (const code of box.current.querySelectorAll("pre > code")) void highlight(code);
    }
  }, [text]);
  return <div ref={box} class={text.length > LONGEST ? "markdown is-plain" : "markdown"} />;
}

async function highlight(code: Element): Promise<void> {
  const language = [...code.classList].find((name) => name.startsWith("language-"))?.slice("language-".length);
  const markup = language && (await highlightedIn(language, code.textContent ?? ""));
  if (markup) code.replaceChildren(safeNodes(markup));
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
