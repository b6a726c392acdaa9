"""A server that takes hooks and ranges as the tracker's does, and keeps them in memory. It can be told to fail."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


class CaptureServer(ThreadingHTTPServer):
    """`hooks`: the payloads in order; `files`: what it has of each file's newest generation; `reports`: of machines.

    `exports`: of Claude Code's telemetry, the path and the body as it came. `readings`: as they came. `totals`: of the day; None if the
    key may not read them. It `refuses_readings` with a status, if any.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.hooks: list[dict[str, Any]] = []
        self.files: dict[tuple[str, str], tuple[int, int, bytes]] = {}
        self.reports: list[dict[str, Any]] = []
        self.readings: list[dict[str, Any]] = []
        self.exports: list[tuple[str, bytes]] = []
        self.refuses_readings: int | None = None
        self.totals: dict[str, Any] | None = None
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        # When each request that brings something was heard, on the monotonic clock.
        self.heard_at: list[float] = []
        # (status, headers) for every request, while it fails; None: the connection is closed without an answer.
        self.failure: tuple[int, dict[str, str]] | None = None
        self.is_hanging_up = False
        # It takes what is sent, and closes the connection without an answer.
        self.loses_answers = False
        # A longer body is refused, as by a proxy.
        self.max_body = 16 * 1024**2
        # Sessions whose ranges are refused.
        self.refused: set[str] = set()
        # Sessions of other users.
        self.others: set[str] = set()
        self.erased: set[str] = set()
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def content(self, session_id: str, name: str | None = None) -> bytes:
        return self.files[session_id, name or f"{session_id}.jsonl"][2]

    def has(self, session_id: str) -> bool:
        return any(session == session_id for session, _ in self.files)

    @property
    def paths(self) -> list[str]:
        return [urlsplit(path).path for _, path, _, _ in self.requests]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: CaptureServer

    def log_message(self, *_: object) -> None:
        """Says nothing."""

    def do_POST(self) -> None:
        self._take()

    def do_GET(self) -> None:
        with self.server.lock:
            self.server.requests.append((self.command, self.path, dict(self.headers), b""))
            totals = self.server.totals
        self._answer(*((403, {"message": "may not"}) if totals is None else (200, {"totals": totals})))

    def do_PUT(self) -> None:
        self._take()

    def _take(self) -> None:
        body = self._body()
        with self.server.lock:
            self.server.requests.append((self.command, self.path, dict(self.headers), body))
            self.server.heard_at.append(time.monotonic())
            if self.server.is_hanging_up:
                self.close_connection = True
                return
            if self.server.failure is not None:
                status, headers = self.server.failure
                self._answer(status, {"message": "It fails."}, headers)
                return
            if len(body) > self.server.max_body:
                self._answer(413, {}, {"Content-Type": "text/html"})
                return
            done = self._done(body)
            if self.server.loses_answers:
                self.close_connection = True
                return
            self._answer(*done)

    def _body(self) -> bytes:
        """Older versions of Claude Code send their telemetry in chunks."""
        if "Content-Length" in self.headers:
            return self.rfile.read(int(self.headers["Content-Length"]))
        pieces = []
        while size := int(self.rfile.readline(), 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def _done(self, body: bytes) -> tuple[int, dict[str, Any] | None]:
        url = urlsplit(self.path)
        if url.path == "/api/hooks":
            if all(json.loads(line)["session_id"] in self.server.erased for line in body.splitlines()):
                return 410, {"message": "erased", "code": "ERASED"}
            for line in body.splitlines():
                payload = json.loads(line)
                if payload not in self.server.hooks:
                    self.server.hooks.append(payload)
            return 204, None
        if url.path.startswith("/api/machines/"):
            self.server.reports.append(json.loads(body))
            return 200, {}
        if url.path.startswith("/v1/"):
            self.server.exports.append((url.path, body))
            return 200, {}
        if url.path == "/api/readings":
            if self.server.refuses_readings:
                return self.server.refuses_readings, {"message": "None of these."}
            readings = [json.loads(line) for line in body.splitlines()]
            self.server.readings += readings
            return 200, {"accepted": len(readings), "rejected": []}
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        return self._range(unquote(url.path.rpartition("/")[2]), query, body)

    def _range(self, session_id: str, query: dict[str, str], body: bytes) -> tuple[int, dict[str, Any]]:
        if session_id in self.server.others:
            return 403, {"message": "another user's", "details": {"session_id": "another user's"}}
        if session_id in self.server.erased:
            return 410, {"message": "erased", "code": "ERASED"}
        if session_id in self.server.refused or not body.endswith(b"\n"):
            return 400, {"message": "not whole lines"}
        key = session_id, query["file"]
        start, end, generation = int(query["offset"]), int(query["end"]), int(query["generation"])
        known, offset, content = self.server.files.get(key, (0, 0, b""))
        if generation < known:
            return 409, {"code": "GENERATION_SUPERSEDED", "details": {"generation": known}}
        if generation > known:
            offset, content = 0, b""
        if end <= offset:
            return 200, {"offset": offset, "status": "duplicate"}
        if start != offset:
            return 409, {"code": "OFFSET_MISMATCH", "details": {"offset": offset, "generation": generation}}
        self.server.files[key] = (generation, end, content + body)
        return 200, {"offset": end, "status": "accepted"}

    def _answer(self, status: int, answer: dict[str, Any] | None, headers: dict[str, str] | None = None) -> None:
        body = b"" if answer is None else json.dumps(answer).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def capture_server() -> Iterator[CaptureServer]:
    with CaptureServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
