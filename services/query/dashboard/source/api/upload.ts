/** A POST of files that says how far it is. fetch cannot say that of what it sends; XMLHttpRequest can. */

import { Problem, needsLogin } from "./request";

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
    request.onload = () => (request.status < 300 ? resolve(JSON.parse(request.responseText) as Result) : reject(problemOf(request)));
    request.onerror = () =>
      reject(new Problem("The upload broke off: the tracker does not answer, or a file changed while it was sent. Start again; what is there is not sent twice.", 0, "NO_ANSWER", null));
    request.onabort = () => reject(new DOMException("stopped", "AbortError"));
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(body);
  });
}

function problemOf(request: XMLHttpRequest): Problem {
  if (request.status === 401) needsLogin.value = true;
  const requestId = request.getResponseHeader("X-Request-ID");
  try {
    const body = JSON.parse(request.responseText) as { message: string; code: string; details?: Record<string, unknown> };
    return new Problem(body.message, request.status, body.code, requestId, body.details);
  } catch {
    return new Problem(`The tracker answered with status ${request.status} and no reason.`, request.status, "NO_REASON", requestId);
  }
}
