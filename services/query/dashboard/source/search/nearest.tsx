/** Nothing was found: what is found with a word less, in one click. */

import { count, plural } from "../format/quantities";
import type { Found } from "./use_search";

type Offer = Found["nearest"][number];

interface Props {
  offers: readonly Offer[];
  addressOf: (q: string) => string;
  onGo?: () => void;
}

export function Nearest({ offers, addressOf, onGo }: Props) {
  if (offers.length === 0) return null;
  return (
    <ul class="nearest" aria-label="What is found with fewer words">
      {offers.map((offer) => (
        <li key={offer.q}>
          <a class="button" href={addressOf(offer.q)} onClick={onGo} data-item>
            {offer.without.length === 0 ? "In different texts of a session" : <>Without {offer.without.map((word, index) => [index > 0 && ", ", <s key={word}>{word}</s>])}</>}
            {": "}
            {offer.is_exact ? plural(offer.sessions, "session") : `${count(offer.sessions)} sessions or more`}
          </a>
        </li>
      ))}
    </ul>
  );
}
