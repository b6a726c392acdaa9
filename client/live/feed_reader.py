"""Reads `GET /api/live` and connects again when the connection is lost, at the event after the last one that came."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlencode

from client.errors import BadAnswer, TryLater, Unreachable
from client.http.answers import value_of
from client.http.server import Server

Item = dict[str, Any]

PAUSES_SECONDS: Final = (0.5, 1.0, 2.0, 5.0)


def read_feed(
    server: Server, filters: Mapping[str, str], last_id: str, on_state: Callable[[str | None], None]
) -> Iterator[tuple[str, Item]]:
    """(Id, item) of each event of the feed after the position, for ever. `on_state` is told why nothing comes, and None when it comes again.

    Raises Refused if the server refuses it for good.
    """
    failures = 0
    while True:
        try:
            path = "/api/live?" + urlencode({**filters, "last_event_id": last_id})
            with server.lines(path) as lines:
                on_state(None)
                for event_id, item in _events(lines):
                    failures = 0
                    last_id = event_id or last_id
                    if item is not None:
                        yield last_id, item
            on_state("The server has ended the stream. Connecting again.")
        except (Unreachable, TryLater) as error:
            on_state(str(error))
        time.sleep(PAUSES_SECONDS[min(failures, len(PAUSES_SECONDS) - 1)])
        failures += 1


def _events(lines: Iterator[str]) -> Iterator[tuple[str, Item | None]]:
    """(id, data) of each event, and of each comment with an id. A field that is not known is skipped."""
    event_id, data = "", ""
    for line in lines:
        if not line:
            yield event_id, _item(data) if data else None
            data = ""
            continue
        name, _, value = line.partition(": ")
        if name == "id":
            event_id = value
        elif name == "data":
            data = value


def _item(data: str) -> Item:
    try:
        item = value_of(data)
    except ValueError:
        item = None
    if not isinstance(item, dict):
        raise BadAnswer("The server's live feed has an event that is no object of JSON. Check --url or TRACKER_URL.")
    return item
