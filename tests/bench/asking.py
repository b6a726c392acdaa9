"""One client that asks the query service and takes the time."""

import json
import time
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode

# A connection that was idle for longer is not used again. The server closes it later than this (shared/http/server.py).
REUSE_SECONDS = 4.0


@dataclass(frozen=True, slots=True)
class Timing:
    """Milliseconds of one request: as its client saw it, and in the database."""

    http_ms: float
    database_ms: float


class Asker:
    """A connection that is kept while it is in use. Between two rows of a table the other side is asked, for as long as that takes."""

    def __init__(self, port: int, reuse_seconds: float = REUSE_SECONDS) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=60)
        self._reuse_seconds = reuse_seconds
        self._last_used = 0.0

    def get(self, path: str, **parameters: Any) -> Any:
        """The JSON of an answer, None-valued parameters left out. RuntimeError if it is not 200."""
        self._connect()
        status, body, _ = self._request(url(path, **parameters))
        if status != 200:
            raise RuntimeError(f"GET {path} answered {status}: {body[:300].decode()}")
        return json.loads(body)

    def time(self, asked: str) -> Timing:
        """How long one answer took; a query that ran into the service's time limit counts with that. RuntimeError if it is neither."""
        self._connect()
        started = time.perf_counter()
        status, body, server_timing = self._request(asked)
        elapsed_ms = (time.perf_counter() - started) * 1000
        if status == 503:
            return Timing(elapsed_ms, elapsed_ms)
        if status != 200:
            raise RuntimeError(f"GET {asked} answered {status}: {body[:300].decode()}")
        return Timing(elapsed_ms, float(server_timing.partition("dur=")[2].partition(";")[0]))

    def close(self) -> None:
        self._connection.close()

    def _connect(self) -> None:
        """Makes a new connection if the server may have closed the one that is there."""
        if time.monotonic() - self._last_used > self._reuse_seconds:
            self._connection.close()
            self._connection.connect()

    def _request(self, asked: str) -> tuple[int, bytes, str]:
        self._connection.request("GET", asked)
        response = self._connection.getresponse()
        body = response.read()
        self._last_used = time.monotonic()
        return response.status, body, response.headers.get("server-timing", "")


def url(path: str, **parameters: Any) -> str:
    """A path with those parameters that are not None."""
    given = {name: value for name, value in parameters.items() if value is not None}
    return f"{path}?{urlencode(given)}" if given else path
