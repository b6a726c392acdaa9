/**
 * What is wrong with a page as a picture, in words: what lies on something else, what is outside of the page, what is cut off in the middle.
 * `isWide`: there is room for everything, so nothing but code may need to be moved sideways.
 */
(isWide) => {
  const SLACK_PX = 2;
  const CODE = "pre, code, .diff, .markdown table";
  const faults = new Set();
  const short = (text) => text.trim().replace(/\s+/g, " ").slice(0, 40);
  const nameOf = (element) => `<${element.localName} class="${element.getAttribute("class") ?? ""}"> ${short(element.textContent)}`;
  const isSeen = (element) => element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && !element.closest(".only-read, .skip, option, svg");

  // What stays in its place while the page moves under it lies over the page on purpose.
  const layerOf = (element) => {
    for (let at = element; at; at = at.parentElement) if (["fixed", "sticky"].includes(getComputedStyle(at).position)) return at;
    return document.body;
  };
  const meet = (one, other) =>
    Math.min(one.right, other.right) - Math.max(one.left, other.left) > SLACK_PX && Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top) > SLACK_PX;

  // Boxes beside each other: cards, rows, cells.
  for (const parent of document.querySelectorAll("main, main *")) {
    if (parent.closest("svg, table") || !isSeen(parent)) continue;
    const boxes = [...parent.children].filter((each) => {
      const style = getComputedStyle(each);
      return isSeen(each) && style.display !== "inline" && layerOf(each) === layerOf(parent) && each.textContent.trim() !== "";
    });
    boxes.forEach((box, at) => {
      for (const other of boxes.slice(at + 1)) if (meet(box.getBoundingClientRect(), other.getBoundingClientRect())) faults.add(`overlap: ${nameOf(box)} AND ${nameOf(other)}`);
    });
  }

  // Texts, each line of them, as far as they are seen.
  const lines = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || !isSeen(element)) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const rect of range.getClientRects()) {
      let { left, right, top, bottom } = rect;
      for (let at = element; at && at !== document.body; at = at.parentElement) {
        const style = getComputedStyle(at);
        if (style.position === "fixed") break;
        if (style.overflowX === "visible") continue;
        const box = at.getBoundingClientRect();
        const isShortened = style.textOverflow === "ellipsis" || style.webkitLineClamp !== "none";
        const canMove = ["auto", "scroll"].includes(style.overflowX);
        if (!isShortened && !canMove && (right > box.right + SLACK_PX || left < box.left - SLACK_PX) && bottom > box.top && top < box.bottom) faults.add(`cut off: ${nameOf(element)}`);
        [left, right, top, bottom] = [Math.max(left, box.left), Math.min(right, box.right), Math.max(top, box.top), Math.min(bottom, box.bottom)];
      }
      if (right - left < SLACK_PX || bottom - top < SLACK_PX) continue;
      if (left < -SLACK_PX || right > innerWidth + SLACK_PX) faults.add(`outside: ${nameOf(element)}`);
      // A font's box is higher than its letters.
      lines.push({ node, element, layer: layerOf(element), left, right, top: top + 2, bottom: bottom - 2 });
    }
  }
  lines.sort((one, other) => one.top - other.top);
  lines.forEach((line, at) => {
    for (const other of lines.slice(at + 1)) {
      if (other.top >= line.bottom) break;
      if (line.node !== other.node && line.layer === other.layer && meet(line, other)) faults.add(`text on text: ${nameOf(line.element)} AND ${nameOf(other.element)}`);
    }
  });

  if (document.documentElement.scrollWidth > innerWidth) faults.add(`the page is ${document.documentElement.scrollWidth} px wide`);
  for (const element of document.querySelectorAll("main *")) {
    const moves = ["auto", "scroll"].includes(getComputedStyle(element).overflowX) && element.scrollWidth > element.clientWidth + SLACK_PX;
    if (isWide && moves && isSeen(element) && !element.closest(CODE)) faults.add(`needs moving sideways: ${nameOf(element)}`);
  }
  return [...faults];
};
