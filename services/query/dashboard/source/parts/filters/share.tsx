/** Copies an address that shows everybody the same: days that do not move, and the zone they are days of. */

import { go } from "../../address/address";
import { useCopy } from "../text/use_copy";

export function Share({ address }: { address: string }) {
  const { said, copy } = useCopy(location.origin + address, "It is in the address bar");
  return (
    <button
      type="button"
      class="button is-small"
      title="Copies an address of these days in this zone. A colleague in another zone sees the same numbers."
      onClick={async () => {
        // Over plain http the browser lets no page copy.
        if (!(await copy())) go(address);
      }}
    >
      {said || "Share"}
    </button>
  );
}
