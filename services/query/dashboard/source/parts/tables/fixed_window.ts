/** Which rows of a long list of equal rows are on the screen. The others are not in the document, so that its length costs nothing. */

import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useState } from "preact/hooks";
import { isPrinting } from "../printing";

// Rows beyond the edges: j and k find the next one, and fast scrolling shows no blank.
const BEYOND = 12;

/** `list` holds the rows; `scroller` is what scrolls: an element, or the window if it is left out. `last` is not included. */
export function useFixedWindow(list: RefObject<HTMLElement | null>, count: number, rowHeight: number, scroller?: RefObject<HTMLElement | null>): { first: number; last: number } {
  const [shown, setShown] = useState({ first: 0, last: 40 });

  function look(): void {
    if (!list.current) return;
    const box = scroller?.current?.getBoundingClientRect() ?? { top: 0, height: window.innerHeight };
    const above = box.top - list.current.getBoundingClientRect().top;
    const first = Math.max(0, Math.floor(above / rowHeight) - BEYOND);
    const last = Math.ceil((above + box.height) / rowHeight) + BEYOND;
    setShown((before) => (before.first === first && before.last === last ? before : { first, last }));
  }

  useLayoutEffect(look, [count, rowHeight]);
  useEffect(() => {
    const target = scroller?.current ?? window;
    target.addEventListener("scroll", look, { passive: true });
    window.addEventListener("resize", look);
    return () => {
      target.removeEventListener("scroll", look);
      window.removeEventListener("resize", look);
    };
  }, [rowHeight]);
  if (isPrinting.value) return { first: 0, last: count };
  return { first: Math.min(shown.first, count), last: Math.min(shown.last, count) };
}
