"""A client of GET /api/live that reads server-sent events as a browser's EventSource does, and the feed that it reads."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx2 as httpx
import pytest
from fastapi import FastAPI
from redis import Redis

from services.query.app import create_app
from services.query.live import live_feed
from services.query.live.positions import position_of
from services.query.settings import Settings
from shared.feed import FEED_ENTRIES, FEED_KEY, ITEMS_FIELD, FeedItem, encode_items
from shared.http.server import ClientLimits, build_server

SECONDS = 60
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@dataclass
class StreamEvent:
    """One event: its name, its data, and the id of the last one so far. A comment has no data."""

    name: str
    data: Any
    last_id: str


@contextmanager
def serving(settings: Settings) -> Iterator[tuple[FastAPI, httpx.Client]]:
    """The query service behind the product's server, on a socket of its own."""
    app = create_app(settings.model_copy(update={"query_database_connections": 4}))
    server = build_server(lambda: app, ClientLimits(max_connections=600))
    with pytest.MonkeyPatch.context() as patch, socket.create_server(("127.0.0.1", 0), backlog=600) as listening:
        # The service ends when a read of the feed does.
        patch.setattr(live_feed, "BLOCK_MS", 50)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        base_url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        try:
            with httpx.Client(base_url=base_url, timeout=SECONDS, limits=httpx.Limits(max_connections=300)) as client:
                yield app, client
        finally:
            server.should_exit = True
            thread.join(SECONDS)
        assert not thread.is_alive()


def events(answer: httpx.Response, at_most: int | None = None) -> Iterator[StreamEvent]:
    """The events of an answer, or of its first bytes. An event that is cut off before its empty line does not count, nor does its id."""
    last_id, name, data, read_id, is_comment = "", "message", "", "", False
    for line in _lines(answer, at_most):
        if not line:
            last_id = read_id or last_id
            if data or is_comment or read_id:
                yield StreamEvent(name, json.loads(data) if data else None, last_id)
            name, data, is_comment = "message", "", False
        elif line.startswith(":"):
            is_comment = True
        else:
            field, _, value = line.partition(": ")
            if field == "id":
                read_id = value
            elif field == "event":
                name = value
            elif field == "data":
                data = value


def items(answer: httpx.Response) -> Iterator[StreamEvent]:
    """The events that have data."""
    return (told for told in events(answer) if told.data is not None)


def heard(told: Iterator[StreamEvent], redis: Redis) -> list[Any]:
    """The data of what comes up to the newest entry of the feed, until a heartbeat says that the stream is behind it. So what is not there was left out."""
    [(newest, _)] = redis.xrevrange(FEED_KEY, count=1)
    end, found = position_of(newest.decode()), []
    assert end is not None
    for each in told:
        if each.data is not None:
            found.append(each.data)
        position = position_of(each.last_id)
        if position is not None and position >= end:
            break
    return found


def _lines(answer: httpx.Response, at_most: int | None) -> Iterator[str]:
    """Whole lines: of a cut one nothing counts."""
    rest, left = b"", at_most
    for chunk in answer.iter_raw():
        taken = chunk if left is None else chunk[:left]
        *lines, rest = (rest + taken).split(b"\n")
        yield from (line.decode() for line in lines)
        if left is not None:
            left -= len(taken)
            if left <= 0:
                return


def append(redis: Redis, *items: FeedItem) -> None:
    """As the worker does after a commit."""
    for value in encode_items(items):
        redis.xadd(FEED_KEY, {ITEMS_FIELD: value}, maxlen=FEED_ENTRIES, approximate=True)


def prompt(text: str, **fields: Any) -> FeedItem:
    return FeedItem(**{"kind": "prompt", "timestamp": NOW, "session_id": "s", "content": text} | fields)
