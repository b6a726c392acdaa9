/** The end of a list that goes on: reads the next page when it comes near the view, or by its button; by that alone where something stands below the list. */

import { useEffect, useRef } from "preact/hooks";
import type { Pages } from "../../api/use_pages";

export function MoreRows({ of, what, isByHand = false }: { of: Pages<unknown>; what: string; isByHand?: boolean }) {
  const end = useRef<HTMLDivElement>(null);
  const canRead = !isByHand && of.hasMore && !of.isReading && of.problem === null;
  useEffect(() => {
    if (!canRead || !end.current) return;
    const observer = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && of.more(), { rootMargin: "600px" });
    observer.observe(end.current);
    return () => observer.disconnect();
  }, [canRead, of.pages.length]);
  if (!of.hasMore) return null;
  return (
    <div ref={end} class="more-rows">
      <button type="button" class="button is-small" onClick={of.more} disabled={of.isReading}>
        {of.isReading ? `Reading more ${what} …` : `More ${what}`}
      </button>
    </div>
  );
}
