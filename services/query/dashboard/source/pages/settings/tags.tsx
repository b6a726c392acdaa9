/** The tags that people gave to sessions. */

import { count } from "../../format/quantities";
import { Panel } from "../../parts/panel";
import { Pages } from "./pages";

export function Tags() {
  return (
    <Panel title="Tags" about="of sessions, and how many sessions have each" class="tag-panel">
      <Pages path="/api/tags" what="the tags" empty={<p class="quiet">No session has a tag yet. Tags are given on a session's page, or with tracker mark.</p>}>
        {(tags) => (
          <p class="tag-list">
            {tags.map((tag) => (
              <a class="badge" key={tag.tag} href={`/sessions?range=all&tag=${encodeURIComponent(tag.tag)}`}>
                {tag.tag} {count(tag.sessions)}
              </a>
            ))}
          </p>
        )}
      </Pages>
    </Panel>
  );
}
