"""One client that asks the query service and takes the time."""

import json
import time
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode


@dataclass(frozen=True, slots=True)
class Timing:
    """Milliseconds of one request: as its client saw it, and in the database."""

    http_ms: float
    database_ms: float


class Asker:
    """A kept-alive connection."""

    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=60)

    def get(self, path: str, **parameters: Any) -> Any:
        """The JSON of an answer, None-valued parameters left out. RuntimeError if it is not 200."""
        status, body, _ = self._request(url(path, **parameters))
        if status != 200:
            raise RuntimeError(f"GET {path} answered {status}: {body[:300].decode()}")
        return json.loads(body)

    def time(self, asked: str) -> Timing:
        """How long one answer took; a query that ran into the service's time limit counts with that. RuntimeError if it is neither."""
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

    def _request(self, asked: str) -> tuple[int, bytes, str]:
        self._connection.request("GET", asked)
        response = self._connection.getresponse()
        return response.status, response.read(), response.headers.get("server-timing", "")


def url(path: str, **parameters: Any) -> str:
    """A path with those parameters that are not None."""
    given = {name: value for name, value in parameters.items() if value is not None}
    return f"{path}?{urlencode(given)}" if given else path
