/** The tab's title, of which this is the only owner: what waits, then the page's heading; and the focus on its heading after a change of page, so that it is read aloud and Tab goes on from there. */

import { signal, useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { address, placeOf } from "../address/address";
import { needsLogin } from "../api/request";
import { waitingWords } from "./waiting";

const SITE = "Claude Code Tracker";
const headingText = signal("");

export function useHeading(): void {
  useSignalEffect(() => {
    const title = headingText.value ? `${headingText.value} – ${SITE}` : SITE;
    document.title = waitingWords.value ? `(${waitingWords.value}) ${title}` : title;
  });
  const place = placeOf(address.value);
  const isOut = needsLogin.value;
  const isFirst = useRef(true);
  useEffect(() => {
    const main = document.getElementById("content");
    if (!main) {
      // The login. The title of the page before may be a text that only its key could see.
      headingText.value = "";
      return;
    }
    let isDone = isFirst.current;
    isFirst.current = false;
    const look = () => {
      const heading = main.querySelector<HTMLElement>("h1");
      headingText.value = heading?.innerText.trim() ?? "";
      if (!heading || isDone) return;
      isDone = true;
      // A page with a field of its own has taken the focus already.
      if (main !== document.activeElement && main.contains(document.activeElement)) return;
      heading.tabIndex = -1;
      heading.focus({ preventScroll: true });
    };
    look();
    const observer = new MutationObserver(look);
    observer.observe(main, { childList: true, subtree: true, characterData: true });
    return () => observer.disconnect();
  }, [place, isOut]);
}
