"""A server that is broken or hostile cannot keep the client, fill its memory, have its key, or end it in a trace. Over real sockets."""

import gc
import json
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from typing import Any, Final

import pytest
from typer.testing import CliRunner

from client import command_line
from client.command_line import app
from client.errors import FAILED, UNEXPECTED, BadAnswer, Refused, Unreachable
from client.http import answers
from client.http.connection import Answer as Reply
from client.http.connection import Connection, ServerAway
from client.http.server import Server
from client.live.feed_reader import read_feed
from client.questions import lookup
from client.questions.lookup import pages
from tests.unit.client.scripted_server import Answer, Scripted, answer

UUID: Final = "01a2f8de-63b4-4f2d-9d0f-2b6c3f0f8f11"
MIB: Final = 1024**2


def client(scripted: Scripted) -> Server:
    return Server(scripted.url, "cct_mine", lambda _: None)


def shipped(scripted: Scripted) -> Reply:
    """The shipper's answer to a hook."""
    with Connection(scripted.url, "cct_mine", {"X-Tracker-Machine": "m-1"}, most_bytes=MIB) as connection:
        return connection.send("POST", "/api/hooks", b"{}", "application/json")


class Endless:
    """Sends a piece again and again, until the client is gone. `sent`: how many bytes it got rid of."""

    def __init__(self, piece: bytes, head: bytes = b"", pause_seconds: float = 0.0) -> None:
        self._piece, self._head, self._pause_seconds = piece, head, pause_seconds
        self.sent = 0
        self.is_gone = threading.Event()

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        with suppress(OSError):
            handler.wfile.write(self._head)
            while not self.is_gone.wait(self._pause_seconds):
                handler.wfile.write(self._piece)
                self.sent += len(self._piece)
        self.is_gone.set()


HEAD: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"


def test_an_answer_without_an_end_is_not_read_into_memory() -> None:
    endless = Endless(b" " * MIB, HEAD)
    with Scripted(endless) as scripted, pytest.raises(BadAnswer, match=r"longer than 64 MiB, which no tracker sends"):
        client(scripted).ask("GET", "/api/sessions")
    assert endless.is_gone.wait(60)
    # The bytes that the sockets hold come on top.
    assert endless.sent < 96 * MIB


def test_the_shipper_reads_no_answer_without_an_end() -> None:
    endless = Endless(b" " * MIB, HEAD)
    with Scripted(endless) as scripted, pytest.raises(ServerAway, match="longer than 1 MiB"):
        shipped(scripted)
    assert endless.is_gone.wait(60)
    assert endless.sent < 32 * MIB


@pytest.mark.parametrize(
    ("piece", "head"),
    [(b" ", HEAD), (b"X-A: b\r\n", b"HTTP/1.1 200 OK\r\n"), (b"x", b"HTTP/1.1 200 "), (b"HTTP/1.1 100 Continue\r\n\r\n", b"")],
    ids=["body", "headers", "status line", "continue"],
)
def test_an_answer_that_drips_is_given_up(monkeypatch: pytest.MonkeyPatch, piece: bytes, head: bytes) -> None:
    monkeypatch.setattr(answers, "WHOLE_SECONDS", 0.5)
    ways: list[tuple[type[Exception], Callable[[Scripted], Any]]] = [
        (Unreachable, lambda scripted: client(scripted).ask("GET", "/")),
        (ServerAway, shipped),
    ]
    for error, ask in ways:
        endless = Endless(piece, head, pause_seconds=0.02)
        with Scripted(endless) as scripted, pytest.raises(error, match=r"not complete after 0\.5 s"):
            ask(scripted)
        endless.is_gone.set()


def test_headers_of_a_download_and_of_a_stream_that_drip_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "WHOLE_SECONDS", 0.5)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always", ResourceWarning)
        for way in (Server.download, Server.lines):
            endless = Endless(b"X-A: b\r\n", b"HTTP/1.1 200 OK\r\n", pause_seconds=0.02)
            with Scripted(endless) as scripted, pytest.raises(Unreachable, match="not complete after"), way(client(scripted), "/"):
                pass
            endless.is_gone.set()
        gc.collect()

    # No socket was left to the garbage collector.
    assert [str(each.message) for each in warned] == []


def test_an_event_without_an_end_is_not_read_into_memory() -> None:
    endless = Endless(b"x" * MIB, HEAD)
    with Scripted(endless) as scripted, pytest.raises(BadAnswer, match="an event without an end"):
        next(read_feed(client(scripted), {}, "0", lambda _: None))
    assert endless.is_gone.wait(60)


def test_a_line_without_an_end_is_not_collected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "LONGEST_LINE", 10)
    assert list(answers.lines_of([b"a\nb", b"\r", b"\nc\n\n", b"d"])) == [b"a\n", b"b\r\n", b"c\n", b"\n", b"d"]
    with pytest.raises(BadAnswer, match="has a line that is longer"):
        list(answers.lines_of([b"abcdef"] * 3))


def paged(page: Callable[[int], dict[str, Any]]) -> Answer:
    number = iter(range(10**9))

    def send(handler: BaseHTTPRequestHandler) -> None:
        answer(200, page(next(number)))(handler)

    return send


@pytest.mark.parametrize(
    ("page", "most_requests"),
    [
        (lambda _: {"items": [{"a": 1}], "next_cursor": "same"}, 2),
        (lambda number: {"items": [{"a": 1}], "next_cursor": f"{number % 3}"}, 4),
        (lambda number: {"items": [], "next_cursor": f"{number}"}, 20),
        (lambda number: {"items": [{"a": 1}], "next_cursor": f"{number}"}, 31),
    ],
    ids=["the same cursor", "cursors in a circle", "empty pages", "ever more pages"],
)
def test_a_list_without_an_end_is_given_up(monkeypatch: pytest.MonkeyPatch, page: Any, most_requests: int) -> None:
    monkeypatch.setattr(lookup, "MOST_PAGES", 30)
    with Scripted(paged(page)) as scripted, pytest.raises(BadAnswer, match="/api/sessions has no end"):
        list(pages(client(scripted), "/api/sessions", {}))
    assert len(scripted.seen) == most_requests


@pytest.mark.parametrize("arguments", [["search", "x", "--limit", "100000"], ["file", "/a", "--limit", "100000"], ["machines"]])
def test_no_command_follows_a_list_without_an_end(arguments: list[str]) -> None:
    found = {"items": [], "summary": {}, "pending_documents": 0, "is_complete": False, "next_cursor": "same"}
    with Scripted(answer(200, found)) as scripted:
        done = CliRunner().invoke(app, [*arguments, "--url", scripted.url])
    assert (done.exit_code, "has no end" in done.stderr) == (1, True)


def test_a_search_that_looks_in_vain_ends_and_keeps_what_it_found() -> None:
    def page(number: int) -> dict[str, Any]:
        found = [{"kind": "session", "session_id": UUID, "timestamp": None, "matched_in": ["title"], "snippet": "x"}] if number == 1 else []
        told = {"hints": [], "pending_documents": 0, "total": 1, "total_is_exact": False, "incomplete_because": None}
        return told | {"items": found, "is_complete": False, "next_cursor": f"{number}"}

    with Scripted(paged(page)) as scripted:
        done = CliRunner().invoke(app, ["search", "x", "--url", scripted.url])

    assert (done.exit_code, UUID[:8] in done.stdout, "Not everything was looked at." in done.stdout) == (0, True, True)
    assert len(scripted.seen) == 12


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(status: int) -> None:
    with Scripted(answer(200, {"stolen": True})) as other, Scripted(answer(status, b"", Location=f"{other.url}/api")) as scripted:
        for method in ("GET", "POST", "DELETE"):
            with pytest.raises(Refused, match=f"answered {status}"):
                client(scripted).ask(method, "/api/sessions")
        with pytest.raises(Refused), client(scripted).download("/api/x"):
            pass
        assert shipped(scripted).status == status
        with pytest.raises(Refused):
            client(scripted).server_time()
    assert other.seen == []


@pytest.mark.parametrize(
    "body",
    [
        lambda: {"message": {"a": 1}, "details": [1]},
        lambda: {"message": "no", "details": "x"},
        lambda: {"message": None},
        lambda: ["message"],
        lambda: {"message": "x" * 10_000_000},
    ],
    ids=["object", "details", "null", "list", "long"],
)
def test_a_refusal_of_another_shape_is_a_sentence(body: Callable[[], Any]) -> None:
    with Scripted(answer(400, body())) as scripted, pytest.raises(Refused) as caught:
        client(scripted).ask("GET", "/")
    assert isinstance(caught.value.details, dict)
    assert 0 < len(str(caught.value)) <= 2_000


@pytest.mark.parametrize("after", ["9" * 5_000, "\u00b2", "soon"])
def test_a_pause_is_a_number_and_has_an_end(after: str) -> None:
    with Scripted(answer(429, {"message": "Wait."}, Retry_After=after)) as scripted:
        seconds = shipped(scripted).retry_after
        with pytest.raises(Refused) as caught:
            client(scripted).ask("GET", "/")
    assert seconds == caught.value.retry_after_seconds == (86_400 if after[0] == "9" else None)


ODD_JSON: Final[dict[str, bytes]] = {
    "nested": b"[" * 200_000,
    "nested objects": b'{"a":' * 200_000,
    "NaN": b'{"items": NaN}',
    "infinite": b'{"items": 1e999}',
    "long number": b'{"items": ' + b"9" * 10_000 + b"}",
    "not UTF-8": b'{"items": "\xff"}',
    "cut off": b'{"items": [',
}


@pytest.mark.parametrize("content", ODD_JSON.values(), ids=list(ODD_JSON))
def test_odd_json_is_no_answer_of_a_tracker(content: bytes) -> None:
    with Scripted(answer(200, content)) as scripted:
        with pytest.raises(Refused, match="not an answer of a tracker"):
            client(scripted).ask("GET", "/")
        assert shipped(scripted).body == {}


SHAPES: Final[list[Any]] = [
    None, 7, "x", [], {}, [7], [None], [{}], {"items": None, "next_cursor": None}, {"items": 7, "next_cursor": 7},
    {"items": [7], "next_cursor": None}, {"items": [{}], "next_cursor": None}, {"items": [[]], "sessions": {}, "next_cursor": None},
    {"items": [{"session_id": 1, "start_time": "never", "name": [], "status": {}}], "next_cursor": None, "groups": [{}], "tools": [1]},
]  # fmt: skip
COMMANDS: Final = [
    ["sessions"], ["projects"], ["tools"], ["usage"], ["machines"], ["report"], ["search", "x"], ["show", UUID], ["file", "/a"],
    ["day"], ["day", "yesterday", "--standup"],
    ["mark", UUID], ["mark", UUID, "--star"], ["jobs"], ["verify"], ["audit"], ["keys", "list"], ["keys", "revoke", "x"],
    ["keys", "create", "--scope", "read", "--name", "x"], ["dead-letters"], ["dead-letters", "show", UUID], ["dead-letters", "replay", UUID],
    ["dead-letters", "delete", UUID], ["top", "--once"], ["resume", UUID], ["restore", "--dry-run"], ["undo", UUID], ["reparse"],
    ["scrub"], ["cancel", "01a2"], ["export", UUID], ["sessions", "--project", "x"], ["sessions", "--machine", "x"],
]  # fmt: skip


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_an_answer_of_another_shape_is_one_sentence(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for shape in SHAPES:
        with Scripted(answer(200, json.dumps(shape).encode())) as scripted:
            monkeypatch.setattr("sys.argv", ["tracker", *arguments, "--url", scripted.url])
            with pytest.raises(SystemExit) as ended:
                command_line.main()

        told = capsys.readouterr().err
        assert ended.value.code in (0, None, FAILED, UNEXPECTED), (shape, told)
        assert ended.value.code in (0, None) or told.count("\n") == 1, (shape, told)
