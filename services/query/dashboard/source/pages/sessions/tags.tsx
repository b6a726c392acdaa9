/** The tags of a session: a click filters by one, and tags are added and taken away in place. */

import { useRef, useState } from "preact/hooks";
import { useRead } from "../../api/use_read";

interface Props {
  tags: readonly string[];
  /** Leads to the sessions with the tag. */
  hrefOf: (tag: string) => string;
  /** Left out where the viewer may not change them. */
  onChange?: ((change: { add_tags?: string[]; remove_tags?: string[] }) => void) | undefined;
}

const MOST_CHARACTERS = 64;

export function Tags({ tags, hrefOf, onChange }: Props) {
  const [isAdding, setAdding] = useState(false);
  return (
    <span class="tags">
      {tags.map((tag) => (
        <span key={tag} class="tag">
          <a href={hrefOf(tag)}>{tag}</a>
          {onChange && (
            <button type="button" aria-label={`Take away the tag ${tag}`} title="Take away" onClick={() => onChange({ remove_tags: [tag] })}>
              ×
            </button>
          )}
        </span>
      ))}
      {onChange && !isAdding && (
        <button type="button" class="tag-add" aria-label="Add a tag" onClick={() => setAdding(true)}>
          + tag
        </button>
      )}
      {onChange && isAdding && (
        <TagInput
          onDone={(tag) => {
            setAdding(false);
            if (tag) onChange({ add_tags: [tag] });
          }}
        />
      )}
    </span>
  );
}

function TagInput({ onDone }: { onDone: (tag: string) => void }) {
  const known = useRead("/api/tags", { limit: 200 });
  const isDone = useRef(false);
  function done(tag: string): void {
    // Enter takes the input away, which blurs it: once is enough.
    if (isDone.current) return;
    isDone.current = true;
    onDone(tag.trim());
  }
  return (
    <>
      <input
        class="tag-input"
        aria-label="New tag"
        list="known-tags"
        maxLength={MOST_CHARACTERS}
        ref={(input) => input?.focus()}
        onKeyDown={(event) => {
          if (event.key === "Enter") done(event.currentTarget.value);
          if (event.key === "Escape") done("");
        }}
        onBlur={(event) => done(event.currentTarget.value)}
      />
      <datalist id="known-tags">
        {(known.data?.items ?? []).map((item) => (
          <option key={item.tag} value={item.tag} />
        ))}
      </datalist>
    </>
  );
}

export function Star({ isOn, onChange }: { isOn: boolean; onChange?: ((isOn: boolean) => void) | undefined }) {
  if (!onChange) return isOn ? <span class="star is-on" role="img" aria-label="With a star">★</span> : <span class="star" />;
  return (
    <button type="button" class={isOn ? "star is-on" : "star"} aria-pressed={isOn} aria-label="Star" title={isOn ? "Take the star away" : "Give it a star"} onClick={() => onChange(!isOn)}>
      {isOn ? "★" : "☆"}
    </button>
  );
}
