/** Who looks, and what the tracker shows them. */

import { computed, signal } from "@preact/signals";
import type { Schemas } from "./answers";
import { Problem, needsLogin, read, send } from "./request";
import { forgetReadings } from "./use_read";

export type Me = Schemas["Me"];

export const me = signal<Me | null>(null);
/** Why it is not known who looks. A missing key is no problem: the login is shown. */
export const identityProblem = signal<Problem | null>(null);

/** Whether texts, titles and paths are shown. A key for numbers sees none of them. */
export const seesTexts = computed(() => hasScope("read"));
/** Whether names of projects and machines are shown. */
export const seesNames = computed(() => hasScope("read", "numbers"));
/** Whether it reads sessions of some people and counts those of all: what counts then has no texts. */
export const countsAll = computed(() => !!me.value?.key?.users && seesTexts.value && hasScope("numbers"));
/** Whether lists beside counts, as the board of what happens now, have texts. */
export const seesTextsOfCounts = computed(() => seesTexts.value && !countsAll.value);
export const isAdmin = computed(() => hasScope());
/** Whether files can be imported. */
export const mayImport = computed(() => hasScope("ingest"));

/** Without keys everything is allowed; `admin` has every scope. */
function hasScope(...scopes: string[]): boolean {
  const key = me.value?.key;
  if (!me.value) return false;
  if (!key) return true;
  return key.scopes.some((scope) => scope === "admin" || scopes.includes(scope));
}

export async function findIdentity(): Promise<void> {
  try {
    me.value = await read("/api/me");
    identityProblem.value = null;
    needsLogin.value = false;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    me.value = null;
    identityProblem.value = error.status === 401 ? null : error;
  }
}

/** Asks whether the key still holds: a page that asks for nothing else would show what its key could see long after it was revoked. */
export async function checkIdentity(): Promise<void> {
  if (!me.peek()?.key) return;
  try {
    await read("/api/me");
  } catch (error) {
    // A key that is gone has led to the login; a tracker that does not answer is said by what the page reads.
    if (!(error instanceof Problem)) throw error;
  }
}

/** Exchanges an API key for a cookie that scripts cannot read. Throws a Problem. */
export async function logIn(key: string): Promise<void> {
  await send("POST", "/api/login", undefined, undefined, { Authorization: `Bearer ${key.trim()}` });
  forgetReadings();
  await findIdentity();
}

export async function logOut(): Promise<void> {
  await send("DELETE", "/api/login");
  forgetReadings();
  me.value = null;
  needsLogin.value = true;
}
