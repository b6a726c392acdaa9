/** Marks the words of a search in the item that it led to, and shows the first. The browser paints the marks: the nodes of the page stay as they are. */

import type { RefObject } from "preact";
import { useEffect } from "preact/hooks";
import { address, isRevisit } from "../../../address/address";

/** The name of the marks, for ::highlight() of the style sheet. */
const NAME = "found";
/** The bar at the top, and a line below. */
const TOP_PX = 140;

/** The words that the address asks to mark. */
export function wordsToMark(): string[] {
  return address.value.parameters.getAll("mark").filter((word) => word.trim() !== "");
}

/** `isThere`: whether the box is. */
export function useFoundWords(box: RefObject<HTMLElement | null>, isThere: boolean): void {
  const { parameters } = address.value;
  const wanted = JSON.stringify([parameters.get("at"), wordsToMark()]);
  useEffect(() => {
    const words = wordsToMark();
    const element = box.current;
    // A browser that cannot paint them still shows the item.
    if (!element || words.length === 0 || !("highlights" in CSS)) return;
    const pattern = new RegExp(words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|"), "giu");
    // On the way back one stands where one stood.
    let isShown = isRevisit;
    const mark = () => {
      const ranges = [...element.querySelectorAll(".is-marked")].flatMap((item) => rangesIn(item, pattern));
      CSS.highlights.set(NAME, new Highlight(...ranges));
      // What is in the text itself, else what is in its one line.
      const first = ranges.find((range) => !range.startContainer.parentElement?.closest(".call-line, .message-head, .entry-head")) ?? ranges[0];
      if (isShown || !first) return;
      isShown = true;
      // After the list has gone to the item, and has measured it.
      requestAnimationFrame(() => requestAnimationFrame(() => show(first)));
    };
    const observer = new MutationObserver(mark);
    observer.observe(element, { childList: true, subtree: true, attributes: true, attributeFilter: ["class"] });
    mark();
    return () => {
      observer.disconnect();
      CSS.highlights.delete(NAME);
    };
  }, [wanted, isThere]);
}

function rangesIn(item: Element, pattern: RegExp): Range[] {
  const ranges: Range[] = [];
  const texts = document.createTreeWalker(item, NodeFilter.SHOW_TEXT);
  for (let node = texts.nextNode(); node; node = texts.nextNode()) {
    for (const found of (node.nodeValue ?? "").matchAll(pattern)) {
      const range = document.createRange();
      range.setStart(node, found.index);
      range.setEnd(node, found.index + found[0].length);
      ranges.push(range);
    }
  }
  return ranges;
}

/** Brings it into view: in the box that scrolls it, and on the screen. */
function show(range: Range): void {
  const topOf = () => range.getBoundingClientRect().top;
  for (let box = range.startContainer.parentElement; box && box !== document.body; box = box.parentElement) {
    if (box.scrollHeight > box.clientHeight && getComputedStyle(box).overflowY === "auto") box.scrollTop += topOf() - box.getBoundingClientRect().top - box.clientHeight / 3;
  }
  if (topOf() < TOP_PX || topOf() > window.innerHeight - TOP_PX) window.scrollBy(0, topOf() - window.innerHeight / 3);
}
