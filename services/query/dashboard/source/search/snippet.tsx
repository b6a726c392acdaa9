/** Snippets of the search as nodes. The API sends escaped text with <mark>; nothing of it is ever taken as markup. */

export interface SnippetPart {
  text: string;
  isMatch: boolean;
}

const ENTITIES: Record<string, string> = { "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#x27;": "'", "&#39;": "'" };

/** The parts of a snippet. A <mark> that was in the text itself is escaped, so that it stays text. */
export function snippetParts(snippet: string): SnippetPart[] {
  const parts: SnippetPart[] = [];
  let isMatch = false;
  for (const piece of snippet.split(/(<\/?mark>)/)) {
    if (piece === "<mark>") isMatch = true;
    else if (piece === "</mark>") isMatch = false;
    else if (piece) parts.push({ text: piece.replace(/&(?:amp|lt|gt|quot|#x27|#39);/g, (entity) => ENTITIES[entity] ?? entity), isMatch });
  }
  return parts;
}

export function markedWords({ snippet }: { snippet: string }): string[] {
  return [...new Set(snippetParts(snippet).flatMap((part) => (part.isMatch ? [part.text] : [])))];
}

export function Snippet({ of }: { of: string }) {
  return <>{snippetParts(of).map((part, index) => (part.isMatch ? <mark key={index}>{part.text}</mark> : part.text))}</>;
}
