/** What a panel's switch shows stands in the address too: a view that was switched is a link, and back goes back. */

import { address, go, withParameters } from "./address";

/** The chosen one of `allowed`; the first of them where none, or none that exists, is chosen. */
export function choiceOf<T extends string>(name: string, allowed: readonly T[]): T {
  const value = address.value.parameters.get(name);
  return allowed.find((each) => each === value) ?? (allowed[0] as T);
}

/** Chooses one. The usual choice, the first, leaves the address short. */
export function choose<T extends string>(name: string, value: T, allowed: readonly T[]): void {
  go(withParameters({ [name]: value === allowed[0] ? null : value }));
}
