/** What Claude Code writes and this tracker does not read, by version. */

import type { Answer } from "../../api/answers";
import type { Reading } from "../../api/use_read";
import { Counted } from "../../parts/counted";
import { Loaded, Panel } from "../../parts/panel";

export function Formats({ reading }: { reading: Reading<Answer<"/api/formats">> }) {
  return (
    <Panel title="Formats" about="what Claude Code writes and this tracker does not read" class="formats">
      <Loaded reading={reading} what="the formats" height={24}>
        {({ versions }) =>
          versions.length === 0 ? (
            <p class="quiet">Nothing. All that came is read, or left out for a reason.</p>
          ) : (
            <>
              {versions.map(({ version, unread }) => (
                <Counted key={version} title={`Claude Code ${version}`} counts={Object.fromEntries(unread.map(({ kind, name, count }) => [`${kind.replace("_", " ")} ${name}`, count]))} />
              ))}
              <p class="quiet">Nothing of a transcript is lost: it is kept, and a newer tracker reads it by a reparse.</p>
            </>
          )
        }
      </Loaded>
    </Panel>
  );
}
