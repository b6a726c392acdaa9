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
        return json.loads(self._request(url(path, **parameters))[0])

    def time(self, asked: str) -> Timing:
        """How long one answer took."""
        started = time.perf_counter()
        _, server_timing = self._request(asked)
        elapsed = time.perf_counter() - started
        return Timing(elapsed * 1000, float(server_timing.partition("dur=")[2].partition(";")[0]))

    def close(self) -> None:
        self._connection.close()

    def _request(self, asked: str) -> tuple[bytes, str]:
        self._connection.request("GET", asked)
        response = self._connection.getresponse()
        body = response.read()
        if response.status != 200:
            raise RuntimeError(f"GET {asked} answered {response.status}: {body[:300].decode()}")
        return body, response.headers.get("server-timing", "")


def url(path: str, **parameters: Any) -> str:
    """A path with those parameters that are not None."""
    given = {name: value for name, value in parameters.items() if value is not None}
    return f"{path}?{urlencode(given)}" if given else path
