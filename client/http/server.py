"""The tracker's API as the commands use it: JSON requests, streamed uploads, retries where they are safe, and failures in sentences."""

import json
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.client import HTTPException, HTTPResponse
from itertools import chain, repeat
from typing import Any, Final

from client.errors import BadAnswer, Refused, TryLater, Unreachable
from client.http import answers
from client.http.connection import Answer, Body, Connection, NotConnected, ServerAway, reason_of

# Pauses between retries, for a busy server and for uploads that lost their connection: a minute in all.
PAUSES_SECONDS: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
LONGEST_PAUSE_SECONDS: Final = 60.0
# An hour more for a server that says that it is busy.
PATIENT_PAUSES: Final = 120
_NO_CONTENT: Final = 204
_TRY_LATER: Final = (502, 503, 504)
_MOST_MESSAGE: Final = 2_000
# Longer than any event of the live feed.
_LONGEST_EVENT: Final = 16 * 1024**2


class Server:
    """A server at a URL. `on_wait` gets the reason before each pause. Raises InvalidUrl or InvalidKey."""

    def __init__(self, url: str, token: str | None, on_wait: Callable[[str], None]) -> None:
        self.url = url
        self._connection = partial(Connection, url, token)
        self._connection()
        self.on_wait = on_wait
        # Set by a command that runs for long anyway, as `tracker move`.
        self.is_patient = False

    def ask(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Any:
        """The answer's JSON (None of an empty one), after retries if the server is busy. Raises Refused or Unreachable."""
        content = None if body is None else json.dumps(body).encode()
        body_headers = {} if content is None else {"Content-Type": "application/json"}
        return self._with_retries(lambda: self._send(method, path, body_headers | dict(headers or {}), content))

    def upload(self, path: str, headers: Mapping[str, str], body: Body) -> Any:
        """Streams the body. `body` is called for each try; the Idempotency-Key in `headers` makes the tries one upload."""
        return self._with_retries(lambda: self._send("POST", path, headers, body), retries_lost_connections=True)

    def server_time(self) -> str | None:
        """The server's own clock, as HTTP has it in each answer. Raises Refused or Unreachable."""
        connection, response = self._opened("/healthz")
        with connection, response:
            return response.getheader("Date")

    @contextmanager
    def download(self, path: str) -> Iterator[Iterator[bytes]]:
        """The body of an answer, piece by piece. Raises Refused or Unreachable, the latter also if the body ends too early."""
        connection, response = self._with_retries(lambda: self._opened(path))
        with connection, response:
            yield _pieces(response, self.url)

    @contextmanager
    def lines(self, path: str) -> Iterator[Iterator[str]]:
        """The lines of an answer as they come, for a stream of events. Raises Refused or Unreachable, the latter also if it is cut off."""
        connection, response = self._opened(path)
        with connection, response:
            yield _lines(response, self.url)

    def _opened(self, path: str) -> tuple[Connection, HTTPResponse]:
        connection = self._connection()
        with self._failures():
            response = connection.open(path)
        if isinstance(response, Answer):
            connection.close()
            raise _refusal(response)
        return connection, response

    def _with_retries(self, request: Callable[[], Any], *, retries_lost_connections: bool = False) -> Any:
        for tried, pause in enumerate(chain(PAUSES_SECONDS, repeat(PAUSES_SECONDS[-1], PATIENT_PAUSES if self.is_patient else 0))):
            try:
                return request()
            except TryLater as error:
                self.on_wait(str(error))
                asked = error.retry_after_seconds
                time.sleep(pause if asked is None else min(asked, LONGEST_PAUSE_SECONDS))
            except _ConnectionLost:
                if not retries_lost_connections or tried >= len(PAUSES_SECONDS):
                    raise
                self.on_wait("The connection was lost. Trying again.")
                time.sleep(pause)
        return request()

    def _send(self, method: str, path: str, headers: Mapping[str, str], body: bytes | Body | None) -> Any:
        with self._failures(), self._connection() as connection:
            return _value_of(connection.exchange(method, path, headers, body))

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """Says in a sentence why there was no answer."""
        try:
            yield
        except NotConnected as away:
            reason = away.__cause__
            if isinstance(reason, ssl.SSLError):
                raise Unreachable(f"{self.url} does not answer in HTTPS ({reason.reason or reason}). Try it with http://.") from away
            text = (reason.strerror if isinstance(reason, OSError) else None) or str(away)
            raise Unreachable(
                f"There is no tracker at {self.url} ({text}). Start it with `make up` in its folder, or name another with --url."
            ) from away
        except ServerAway as away:
            raise _lost(self.url, str(away)) from away


class _ConnectionLost(Unreachable):
    """The connection ended before the answer came."""


def _lost(url: str, reason: str) -> _ConnectionLost:
    return _ConnectionLost(f"The connection to {url} was lost ({reason}). Run the command again.")


def _pieces(response: HTTPResponse, url: str) -> Iterator[bytes]:
    left = response.length
    try:
        while piece := response.read(answers.PIECE_BYTES):
            left = None if left is None else left - len(piece)
            yield piece
    except (OSError, HTTPException) as error:
        raise _lost(url, reason_of(error)) from error
    if left:
        raise _lost(url, f"{left} bytes are missing")


def _lines(response: HTTPResponse, url: str) -> Iterator[str]:
    try:
        while line := response.readline(_LONGEST_EVENT + 1):
            if len(line) > _LONGEST_EVENT:
                raise BadAnswer(f"{url} sends an event without an end. Check --url or TRACKER_URL.")
            yield line.decode("utf-8", "replace").rstrip("\r\n")
    except (OSError, HTTPException) as error:
        raise _lost(url, reason_of(error)) from error


def _value_of(answer: Answer) -> Any:
    """Its value. Raises Refused or TryLater if it is no 2xx, or none of a tracker."""
    if answer.status == _NO_CONTENT:
        return None
    if 200 <= answer.status < 300 and answer.value is not None:
        return answer.value
    raise _refusal(answer)


def _refusal(answer: Answer) -> Refused:
    known = answer.body if isinstance(answer.body.get("message"), str) else {}
    details = known.get("details")
    return (TryLater if answer.status in _TRY_LATER else Refused)(
        known.get("message", "")[:_MOST_MESSAGE]
        or f"The server answered {answer.status} {answer.reason}, which is not an answer of a tracker. Check --url or TRACKER_URL.",
        status=answer.status,
        details=details if isinstance(details, dict) else {},
        retry_after_seconds=answer.retry_after,
    )
