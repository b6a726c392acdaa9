"""The tracker's API over HTTP, with Python's library alone: JSON requests, streamed uploads, retries where they are safe."""

import json
import select
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any, Final

from client import answers
from client.address import address_of, authorization
from client.answers import TooSlow
from client.errors import BadAnswer, Refused, TryLater, Unreachable

CONNECT_SECONDS: Final = 10
ANSWER_SECONDS: Final = 60
# Pauses between retries, for a busy server and for uploads that lost their connection: a minute in all.
PAUSES_SECONDS: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
LONGEST_PAUSE_SECONDS: Final = 60.0
_NO_CONTENT: Final = 204
_TRY_LATER: Final = (502, 503, 504)
_MOST_MESSAGE: Final = 2_000
# Longer than any event of the live feed.
_LONGEST_EVENT: Final = 16 * 1024**2

Body = Callable[[], Iterator[bytes]]


class Server:
    """A server at a URL. `on_wait` gets the reason before each pause. Raises InvalidUrl or InvalidKey.

    No redirect is followed: the key is for this address alone. What may come back is bounded (client/answers.py), else BadAnswer.
    """

    def __init__(self, url: str, token: str | None, on_wait: Callable[[str], None]) -> None:
        self.url = url
        self._host, self._port, self._is_https, self._path = address_of(url)
        self._headers = {"Accept": "application/json"} | authorization(token)
        self.on_wait = on_wait

    def ask(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Any:
        """The answer's JSON (None of an empty one), after retries if the server is busy. Raises Refused or Unreachable."""
        content = None if body is None else json.dumps(body).encode()
        body_headers = {} if content is None else {"Content-Type": "application/json", "Content-Length": str(len(content))}
        return self._with_retries(
            lambda: self._send(method, path, body_headers | dict(headers or {}), None if content is None else lambda: iter([content]))
        )

    def upload(self, path: str, headers: Mapping[str, str], body: Body) -> Any:
        """Streams the body. `body` is called for each try; the Idempotency-Key in `headers` makes the tries one upload."""
        chunked = {**headers, "Transfer-Encoding": "chunked"}
        return self._with_retries(lambda: self._send("POST", path, chunked, body), retries_lost_connections=True)

    def told_time(self) -> str | None:
        """The server's own clock, as HTTP has it in each answer. Raises Refused or Unreachable."""
        connection, response = self._opened("/healthz")
        response.close()
        connection.close()
        return response.getheader("Date")

    @contextmanager
    def download(self, path: str) -> Iterator[Iterator[bytes]]:
        """The body of an answer, piece by piece. Raises Refused or Unreachable, the latter also if the body ends too early."""
        connection, response = self._with_retries(lambda: self._opened(path))
        try:
            yield _pieces(response, self.url)
        finally:
            response.close()
            connection.close()

    @contextmanager
    def lines(self, path: str) -> Iterator[Iterator[str]]:
        """The lines of an answer as they come, for a stream of events. Raises Refused or Unreachable, the latter also if it is cut off."""
        connection, response = self._opened(path)
        try:
            yield _lines(response, self.url)
        finally:
            response.close()
            connection.close()

    def _opened(self, path: str) -> tuple[HTTPConnection, HTTPResponse]:
        connection = self._connected()
        try:
            connection.request("GET", self._path + path, headers=self._headers)
            with answers.in_time(connection, answers.WHOLE_SECONDS):
                response = connection.getresponse()
                if response.status != HTTPStatus.OK:
                    _read(response)
        except (OSError, HTTPException, TooSlow) as error:
            connection.close()
            raise _lost(self.url, error) from error
        except BaseException:
            connection.close()
            raise
        return connection, response

    def _with_retries(self, request: Callable[[], Any], *, retries_lost_connections: bool = False) -> Any:
        for pause in PAUSES_SECONDS:
            try:
                return request()
            except TryLater as error:
                self.on_wait(str(error))
                asked = error.retry_after_seconds
                time.sleep(pause if asked is None else min(asked, LONGEST_PAUSE_SECONDS))
            except _ConnectionLost:
                if not retries_lost_connections:
                    raise
                self.on_wait("The connection was lost. Trying again.")
                time.sleep(pause)
        return request()

    def _send(self, method: str, path: str, headers: Mapping[str, str], body: Body | None) -> Any:
        connection = self._connected()
        try:
            try:
                chunks = None if body is None else _chunks_until_answer(connection, body(), self._is_https)
                connection.request(
                    method, self._path + path, chunks, {**self._headers, **headers}, encode_chunked="Transfer-Encoding" in headers
                )
            except (_AnswersEarly, BrokenPipeError, ConnectionResetError):
                # The server may have answered before it closed the connection.
                return _answer(connection)
            return _answer(connection)
        except (OSError, HTTPException, TooSlow) as error:
            raise _lost(self.url, error) from error
        finally:
            connection.close()

    def _connected(self) -> HTTPConnection:
        kind = HTTPSConnection if self._is_https else HTTPConnection
        connection = kind(self._host, self._port, timeout=CONNECT_SECONDS)
        try:
            connection.connect()
        except ssl.SSLError as error:
            connection.close()
            raise Unreachable(f"{self.url} does not answer in HTTPS ({error.reason or error}). Try it with http://.") from error
        except OSError as error:
            reason = error.strerror or str(error)
            raise Unreachable(
                f"There is no tracker at {self.url} ({reason}). Start it with `make up` in its folder, or name another with --url."
            ) from error
        connection.sock.settimeout(ANSWER_SECONDS)
        return connection


class _ConnectionLost(Unreachable):
    """The connection ended before the answer came."""


class _AnswersEarly(Exception):
    """The server answered before the whole body was sent."""


def _lost(url: str, error: Exception | str) -> _ConnectionLost:
    reason = str(error) or type(error).__name__
    return _ConnectionLost(f"The connection to {url} was lost ({reason}). Run the command again.")


def _pieces(response: HTTPResponse, url: str) -> Iterator[bytes]:
    left = response.length
    try:
        while piece := response.read(answers.PIECE_BYTES):
            left = None if left is None else left - len(piece)
            yield piece
    except (OSError, HTTPException) as error:
        raise _lost(url, error) from error
    if left:
        raise _lost(url, f"{left} bytes are missing")


def _lines(response: HTTPResponse, url: str) -> Iterator[str]:
    try:
        while line := response.readline(_LONGEST_EVENT + 1):
            if len(line) > _LONGEST_EVENT:
                raise BadAnswer(f"{url} sends an event without an end. Check --url or TRACKER_URL.")
            yield line.decode("utf-8", "replace").rstrip("\r\n")
    except (OSError, HTTPException) as error:
        raise _lost(url, error) from error


def _chunks_until_answer(connection: HTTPConnection, chunks: Iterator[bytes], is_https: bool) -> Iterator[bytes]:
    for chunk in chunks:
        # A TLS connection has records to read that are not an answer.
        if not is_https and select.select([connection.sock], [], [], 0)[0]:
            raise _AnswersEarly
        yield chunk


def _answer(connection: HTTPConnection) -> Any:
    with answers.in_time(connection, answers.WHOLE_SECONDS):
        return _read(connection.getresponse())


def _read(response: HTTPResponse) -> Any:
    content = answers.read_at_most(response)
    if response.status == _NO_CONTENT:
        return None
    try:
        answer = answers.value_of(content)
    except ValueError:
        answer = None
    if 200 <= response.status < 300 and answer is not None:
        return answer
    known = answer if isinstance(answer, dict) and isinstance(answer.get("message"), str) else {}
    details = known.get("details")
    raise (TryLater if response.status in _TRY_LATER else Refused)(
        known.get("message", "")[:_MOST_MESSAGE]
        or f"The server answered {response.status} {response.reason}, which is not an answer of a tracker. Check --url or TRACKER_URL.",
        status=response.status,
        details=details if isinstance(details, dict) else {},
        retry_after_seconds=answers.pause_of(response),
    )
