/** A POST of files that says how far it is. fetch cannot say that of what it sends; XMLHttpRequest can. */

import { Problem, problemOf } from "./request";

interface Options {
  headers?: Record<string, string>;
  onSent: (bytes: number, total: number) => void;
  signal: AbortSignal;
}

/** The answer as JSON. Throws a Problem, or an AbortError. */
export function upload<Result>(address: string, body: FormData, { headers = {}, onSent, signal }: Options): Promise<Result> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", address);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => onSent(event.loaded, event.total);
    request.onload = () => (request.status < 300 ? resolve(JSON.parse(request.responseText) as Result) : reject(problemOf(request.status, request.getResponseHeader("X-Request-ID"), request.responseText)));
    request.onerror = () =>
      reject(new Problem("The upload broke off: the tracker does not answer, or a file changed while it was sent. Start again: what has arrived is not sent twice.", 0, "NO_ANSWER", null));
    request.onabort = () => reject(new DOMException("stopped", "AbortError"));
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(body);
  });
}
