"""What the client makes of answers that a tracker, or something before it, may give: over real sockets, from a server that does as it is told."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from client import server as server_module
from client.errors import NotNow, Refused, Unreachable
from client.server import InvalidUrl, Server

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


NOT_NOW = answer(503, {"error": True, "message": "Wait.", "code": "BACKLOG_FULL", "details": {}}, Retry_After="0")
TOO_LARGE = answer(413, {"error": True, "message": "Too much.", "code": "PAYLOAD_TOO_LARGE", "details": {"max_bytes": 7}})


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

            do_POST = do_GET

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


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "PAUSES_SECONDS", (0.0, 0.0))


def client(scripted: Scripted, token: str | None = None, path: str = "") -> tuple[Server, list[str]]:
    said: list[str] = []
    return Server(scripted.url + path, token, said.append), said


def test_an_answer_is_its_json_and_the_token_and_the_path_before_it_are_sent() -> None:
    with Scripted(answer(200, {"a": 1})) as scripted:
        assert client(scripted, "t0k", "/tracker/")[0].ask("GET", "/api/x?y=1") == {"a": 1}
    [(method, path, headers)] = scripted.seen
    assert (method, path, headers["authorization"]) == ("GET", "/tracker/api/x?y=1", "Bearer t0k")


def test_what_is_refused_is_told_in_the_servers_words() -> None:
    with Scripted(TOO_LARGE) as scripted, pytest.raises(Refused, match=r"^Too much\.$") as caught:
        client(scripted)[0].ask("POST", "/", {})
    assert (caught.value.status, caught.value.details, caught.value.exit_code) == (413, {"max_bytes": 7}, 1)


def test_what_is_no_answer_of_a_tracker_says_so() -> None:
    with Scripted(answer(200, b"<html>")) as scripted, pytest.raises(Refused, match="not how a tracker answers"):
        client(scripted)[0].ask("GET", "/")


def test_what_cannot_be_taken_now_is_sent_again_and_given_up_at_last() -> None:
    with Scripted(NOT_NOW, NOT_NOW, answer(200, {})) as scripted:
        server, said = client(scripted)
        assert server.ask("POST", "/", {}) == {}
        assert said == ["Wait.", "Wait."]
    with Scripted(NOT_NOW) as scripted, pytest.raises(NotNow):
        client(scripted)[0].ask("POST", "/", {})
    assert len(scripted.seen) == 3


def test_an_upload_that_is_cut_off_is_sent_again_from_its_beginning() -> None:
    begun: list[int] = []

    def body() -> Iterator[bytes]:
        begun.append(1)
        yield from [b"chunk"] * 3

    with Scripted(after_the_body(hang_up), after_the_body(answer(202, {"job_id": "j"}))) as scripted:
        server, said = client(scripted)
        assert server.upload("/", {"Idempotency-Key": "k"}, body) == {"job_id": "j"}
    assert (len(begun), len(said)) == (2, 1)
    assert [headers["idempotency-key"] for _, _, headers in scripted.seen] == ["k", "k"]


def test_a_server_that_refuses_an_upload_early_is_heard_before_all_is_sent() -> None:
    sent = 0

    def body() -> Iterator[bytes]:
        nonlocal sent
        while True:
            sent += 1
            yield b"x" * 65536

    with Scripted(TOO_LARGE) as scripted, pytest.raises(Refused) as caught:
        client(scripted)[0].upload("/", {}, body)
    assert caught.value.details == {"max_bytes": 7}


def test_where_nobody_listens_it_says_the_url_and_what_to_do() -> None:
    with Scripted(NOT_NOW) as scripted:
        url = scripted.url
    with pytest.raises(Unreachable, match=rf"There is no tracker at {url} .*make up.*--url") as caught:
        Server(url, None, lambda _: None).ask("GET", "/")
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("url", ["ftp://host", "http://", "http://host:port", "", "http://host:99999"])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(InvalidUrl):
        Server(url, None, lambda _: None)


def test_a_url_may_be_a_host_and_port() -> None:
    with Scripted(answer(200, {})) as scripted:
        assert Server(scripted.url.removeprefix("http://"), None, lambda _: None).ask("GET", "/") == {}
