/** One door to the API: addresses, requests, and errors as a person reads them. */

import { signal } from "@preact/signals";
import type { Answer, Parameters, ReadPath } from "./answers";

/** A request that failed: in words, with what to quote when asking for help. */
export class Problem extends Error {
  constructor(
    message: string,
    /** 0: the tracker did not answer. */
    readonly status: number,
    readonly code: string,
    readonly requestId: string | null,
    readonly details: Record<string, unknown> = {},
  ) {
    super(message);
  }
}

/** True once the tracker has said that a key is needed, or that this one is gone. The shell then shows the login. */
export const needsLogin = signal(false);

/** The address of a path of the API. Path parameters stand in braces, as in its description. */
export function addressOf(path: string, query: Parameters = {}, inPath: Record<string, string | number> = {}): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(inPath[name])));
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== "") search.set(name, String(value));
  }
  const text = search.toString();
  return text ? `${filled}?${text}` : filled;
}

export async function read<P extends ReadPath>(
  path: P,
  query: Parameters = {},
  inPath: Record<string, string | number> = {},
  signal?: AbortSignal,
): Promise<Answer<P>> {
  const response = await send("GET", addressOf(path, query, inPath), undefined, signal);
  return (await response.json()) as Answer<P>;
}

/** Sends a request. A body that is no FormData or Blob goes as JSON. Throws a Problem for every answer that is not 2xx. */
export async function send(method: string, address: string, body?: unknown, signal?: AbortSignal, headers: Record<string, string> = {}): Promise<Response> {
  const isRaw = body instanceof FormData || body instanceof Blob || body === undefined;
  const init: RequestInit = { method, headers, credentials: "same-origin" };
  if (!isRaw) init.headers = { "Content-Type": "application/json", ...headers };
  if (body !== undefined) init.body = isRaw ? (body as BodyInit) : JSON.stringify(body);
  if (signal) init.signal = signal;
  let response: Response;
  try {
    response = await fetch(address, init);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Problem("The tracker does not answer. Is it running?", 0, "NO_ANSWER", null);
  }
  if (response.ok) return response;
  throw problemOf(response.status, response.headers.get("X-Request-ID"), await response.text());
}

/** Runs it, and gives back the problem that it met, or null. Whatever else is thrown is a defect of the dashboard. */
export async function attempt(run: () => Promise<unknown>): Promise<Problem | null> {
  try {
    await run();
    return null;
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
}

/** The problem that an answer tells which is not 2xx. */
export function problemOf(status: number, requestId: string | null, text: string): Problem {
  if (status === 401) needsLogin.value = true;
  try {
    const body = JSON.parse(text) as { message: string; code: string; details?: Record<string, unknown> };
    return new Problem(body.message, status, body.code, requestId, body.details);
  } catch {
    return new Problem(`The tracker failed and did not say why (status ${status}). Its log does.`, status, "NO_REASON", requestId);
  }
}
