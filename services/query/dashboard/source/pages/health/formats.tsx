/** What Claude Code writes and this tracker does not read, by version. */

import type { Answer } from "../../api/answers";
import type { Reading } from "../../api/use_read";
import { Counted } from "../../parts/counted";
import { Loaded, Panel } from "../../parts/panel";

export function Formats({ reading }: { reading: Reading<Answer<"/api/formats">> }) {
  return (
    <Panel title="Not understood" about="what Claude Code writes, and this version of the tracker does not read" class="formats">
      <Loaded reading={reading} what="what was not understood" height={24}>
        {({ versions }) =>
          versions.length === 0 ? (
            <p class="quiet">There is nothing here: all that came was read, or left out on purpose.</p>
          ) : (
            <>
              {versions.map(({ version, unread }) => (
                <Counted key={version} title={`Claude Code ${version}`} counts={Object.fromEntries(unread.map(({ kind, name, count }) => [`${kind.replace("_", " ")} ${name}`, count]))} />
              ))}
              <p class="quiet">Nothing is lost: the transcripts are kept. Upgrade the tracker, then run <code>tracker reparse</code>.</p>
            </>
          )
        }
      </Loaded>
    </Panel>
  );
}
