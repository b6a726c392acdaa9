/** What can be done with the range of a page: the day that it is, the comparison with another range, and the address for somebody else. */

import { parts } from "../../address/address";
import { pageAddress } from "../../address/filters";
import { isEmpty, sharedAddress } from "../../address/range";
import { OneDay } from "./one_day";
import { Share } from "./share";

/** The pages whose numbers can be compared with those of another range. */
const OF_NUMBERS = ["overview", "projects", "tools", "usage"];

export function RangeActions() {
  const [page = "", id] = parts.value;
  if (isEmpty.value) return null;
  return (
    <span class="filters">
      <OneDay />
      {OF_NUMBERS.includes(page) && (
        <a class="button is-small" href={pageAddress("/compare", { model: null, ...(id && { project: id }) })}>
          Compare
        </a>
      )}
      <Share address={sharedAddress()} />
    </span>
  );
}
