/** Is everything captured, is anything lost: a verdict in words, and what it rests on. */

import { countsAll, isAdmin, me, seesNames, seesTexts } from "../../api/identity";
import { useRead } from "../../api/use_read";
import { Accounts } from "./accounts";
import { DeadLetters } from "./dead_letters";
import { Formats } from "./formats";
import "./health.css";
import { Machines } from "./machines";
import { Service } from "./service";
import { Verdict, findingsOf } from "./verdict";

const SOON_MS = 5_000;
const LATER_MS = 15_000;

export default function Health() {
  // A bound key does not see what is of all projects and people, unless it counts all.
  const seesAll = me.value?.key?.project_ids == null && (me.value?.key?.users == null || countsAll.value);
  const readiness = useRead("/readyz", {}, { everyMs: SOON_MS });
  const accounts = useRead(seesAll ? "/api/accounting" : null, {}, { everyMs: SOON_MS });
  const machines = useRead(seesNames.value ? "/api/machines" : null, { limit: 200 }, { everyMs: LATER_MS });
  const letters = useRead(isAdmin.value ? "/api/dead-letters" : null, { limit: 1 }, { everyMs: LATER_MS });
  const seesFormats = seesTexts.value && me.value?.key?.project_ids == null && me.value?.key?.users == null;
  const formats = useRead(seesFormats ? "/api/formats" : null, {}, { everyMs: LATER_MS });
  const hidden = [!seesAll && "where every event went", !seesNames.value && "machines", !isAdmin.value && "events that could not be stored"].filter((each) => each !== false);
  return (
    <>
      <header class="page-head">
        <h1>Health</h1>
        <span class="quiet">Is everything captured? Is anything lost?</span>
      </header>
      <Verdict findings={findingsOf(readiness, accounts.data, machines.data?.items ?? null, letters.data?.total ?? null)} isKnown={readiness.data !== null || readiness.problem !== null} machines={machines.data?.items.length ?? null} />
      <Service readiness={readiness} accounts={accounts.data} letters={isAdmin.value ? (letters.data?.total ?? null) : undefined} machines={machines.data?.items ?? null} />
      {seesAll && <Accounts reading={accounts} />}
      {isAdmin.value && <DeadLetters reading={letters} />}
      {seesNames.value && <Machines reading={machines} />}
      {seesFormats && <Formats reading={formats} />}
      {hidden.length > 0 && <p class="quiet health-hidden">This key does not see {hidden.join(" and ")}.</p>}
    </>
  );
}
