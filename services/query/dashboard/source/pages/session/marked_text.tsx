/** A snippet of the search as text with its marks. The API escapes it; here it is taken apart, and nothing in it becomes markup. */

const ENTITIES: Record<string, string> = { "&lt;": "<", "&gt;": ">", "&amp;": "&", "&quot;": '"', "&#x27;": "'", "&#39;": "'" };

export function Marked({ html }: { html: string }) {
  return (
    <>
      {html.split(/(<mark>.*?<\/mark>)/s).map((part, index) => {
        const inside = /^<mark>(.*)<\/mark>$/s.exec(part)?.[1];
        return inside === undefined ? plain(part) : <mark key={index}>{plain(inside)}</mark>;
      })}
    </>
  );
}

function plain(escaped: string): string {
  return escaped.replace(/&(lt|gt|amp|quot|#x27|#39);/g, (entity) => ENTITIES[entity] ?? entity);
}
