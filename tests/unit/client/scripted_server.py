"""A server that answers as it is told, over real sockets: a tracker in a rare state, or something that stands before one."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[[BaseHTTPRequestHandler], None]


def answer(status: int, body: Any, **headers: str) -> Answer:
    def send(handler: BaseHTTPRequestHandler) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return send


def after_the_body(then: Answer) -> Answer:
    def read(handler: BaseHTTPRequestHandler) -> None:
        while size := int(handler.rfile.readline(), 16):
            handler.rfile.read(size + 2)
        handler.rfile.readline()
        then(handler)

    return read


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True


class Scripted:
    """Answers requests in turn, the last answer again and again. `seen`: (method, path, headers)."""

    def __init__(self, *answers: Answer) -> None:
        self.seen: list[tuple[str, str, dict[str, str]]] = []
        left = list(answers)
        seen = self.seen

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                seen.append((self.command, self.path, {name.lower(): value for name, value in self.headers.items()}))
                (left.pop(0) if len(left) > 1 else left[0])(self)

            do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

            def log_message(self, format: str, *args: Any) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "Scripted":
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
