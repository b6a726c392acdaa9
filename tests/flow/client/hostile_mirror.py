"""A tracker that was taken over: a mirror before a real one, which puts what a terminal obeys into every text of every answer."""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import quote

import httpx2 as httpx

# The title of the window and the clipboard (OSC), clear, hidden text, the C1 of 8-bit terminals, marks that turn the direction of
# writing, separators, delete, and a return to the beginning of the line.
HOSTILE: Final = "\x1b]0;title\x07\x1b]52;c;aGk=\x1b\\\x1b[2J\x1b[8m\x9b31m\x9d0;x\x9c\u202eabc\u2066\u200f\u061c\u2028\u0085\x7f\r!"
# Values that a client does not show but decides by.
_DECIDES: Final = re.compile(r"\d{4}-\d\d-\d\d.*|[0-9a-f]{40,}")
DEAD_LETTER: Final = {"id": "01a2f8de", "kind": "conversation", "reason": "why", "error": "what", "payload": "{}\n{}", "attempts": 1}
GROUP: Final = {"count": 1, "kind": "conversation", "reason": "why", "last_seen_at": "2026-11-20T10:00:00Z", "newest": ["01a2f8de"]}
_NAMES: Final = frozenset({"kind", "status", "next_cursor", "last_event_id", "state"})


def poisoned(value: Any, name: str = "") -> Any:
    """The value with HOSTILE behind every text in it."""
    match value:
        case str():
            return value if name in _NAMES or _DECIDES.fullmatch(value) else value + HOSTILE
        case list():
            return [poisoned(each, name) for each in value]
        case dict():
            return {key: poisoned(each, key) for key, each in value.items()}
        case _:
            return value


class HostileMirror:
    """Serves what the tracker at `origin` serves. Ids that it poisoned itself it understands."""

    def __init__(self, origin: str) -> None:
        mirror = httpx.Client(base_url=origin, timeout=60)

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                size = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(size)
                path = self.path.replace(quote(HOSTILE, safe=""), "").replace(quote(HOSTILE), "")
                if path.startswith("/api/live?"):
                    # A stream does not end.
                    self._answer(503, json.dumps({"message": HOSTILE, "code": "x", "details": {}}).encode(), "application/json")
                    return
                if path.startswith("/api/dead-letters") and self.command == "GET":
                    # The shared tracker has none.
                    letter = DEAD_LETTER if path.startswith("/api/dead-letters/") else {"items": [DEAD_LETTER], "groups": [GROUP]}
                    self._answer(200, json.dumps(poisoned(letter)).encode(), "application/json")
                    return
                headers = {name: value for name, value in self.headers.items() if name in ("Content-Type", "Prefer")}
                answer = mirror.request(self.command, path, content=body, headers=headers)
                kind = answer.headers.get("content-type", "")
                content = answer.content
                if "application/json" in kind:
                    content = json.dumps(poisoned(answer.json())).encode()
                elif content:
                    content = answer.text.replace("\n", f"{HOSTILE}\n").encode()
                self._answer(answer.status_code, content, kind)

            do_POST = do_DELETE = do_PATCH = do_PUT = do_GET

            def _answer(self, status: int, content: bytes, kind: str) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                if status != 204:
                    self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:
                """Says nothing."""

        self._mirror = mirror
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "HostileMirror":
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._mirror.close()
