"""The client of the live feed goes on after a cut at the event after the last one that came."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import islice
from urllib.parse import parse_qs, urlsplit

import pytest

from client.errors import Refused
from client.live import feed_reader
from client.live.feed_reader import read_feed
from client.options import At

EVENTS = 20


class Cutting(BaseHTTPRequestHandler):
    """Sends three events after the position, the last of them only by half, and closes."""

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        if query.get("user") == ["nobody"]:
            self.send_error(403)
            return
        after = int(query["last_event_id"][0].partition("-")[0])
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"retry: 2000\nid: {after}-0\n\n: still there\n\n".encode())
        for number in range(after + 1, after + 4):
            event = f'id: {number}-0\nevent: prompt\ndata: {{"kind":"prompt","content":"{number}"}}\n\n'.encode()
            self.wfile.write(event[: len(event) // 2] if number == after + 3 else event)

    def log_message(self, *_: object) -> None:
        """Not on standard error."""


@pytest.fixture
def url() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Cutting) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_every_item_comes_once_whatever_is_cut(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_reader, "PAUSES_SECONDS", (0.0,))
    states: list[str | None] = []

    events = list(islice(read_feed(At(url).server(), {}, "0-0", states.append), EVENTS))

    assert [(event_id, item["content"]) for event_id, item in events] == [(f"{number}-0", str(number)) for number in range(1, EVENTS + 1)]
    assert states[:2] == [None, "The server has ended the stream. Connecting again."]


def test_a_refusal_ends_it(url: str) -> None:
    with pytest.raises(Refused):
        next(read_feed(At(url).server(), {"user": "nobody"}, "0-0", lambda _: None))
