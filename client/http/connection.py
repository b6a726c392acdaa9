"""The one HTTP client of this package, with Python's library alone: the commands (client/http/server.py) and the shipper (client/capture) send through it.

No redirect is followed: the key is for this address alone. The size of an answer is bounded (client/http/answers.py).
"""

import select
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection, RemoteDisconnected
from typing import Any, Final, NamedTuple

from client.errors import BadAnswer
from client.http import answers
from client.http.address import address_of, authorization
from client.http.answers import TooSlow

CONNECT_SECONDS: Final = 10.0
ANSWER_SECONDS: Final = 60.0
_DROPPED: Final = (RemoteDisconnected, BrokenPipeError, ConnectionResetError)

# Called for each try.
Body = Callable[[], Iterator[bytes]]


class Answer(NamedTuple):
    """Status, the JSON value of the body (None if it has none), and the pause in seconds that the server asks for."""

    status: int
    reason: str
    value: Any
    retry_after: float | None

    @property
    def body(self) -> dict[str, Any]:
        """The JSON object of the body; empty if it has none."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def message(self) -> str:
        """The text for a person."""
        return f"{self.status} {self.body.get('message') or ''}".rstrip()


class ServerAway(Exception):
    """No connection, or it ended before an answer. The text is the reason."""


class NotConnected(ServerAway):
    """No connection. `__cause__` is the OSError."""


class Connection:
    """A connection to a server, opened with the first request and kept open. Raises InvalidUrl or InvalidKey."""

    def __init__(
        self, url: str, token: str | None, headers: Mapping[str, str] | None = None, *, most_bytes: int = answers.MOST_BYTES
    ) -> None:
        self._host, self._port, self._is_https, self._path = address_of(url)
        self._headers = {"Accept": "application/json", **(headers or {})} | authorization(token)
        self._most_bytes = most_bytes
        self._opened: HTTPConnection | None = None

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, method: str, path: str, body: bytes, content_type: str) -> Answer:
        """Sends a request, which may be sent twice: the server closes connections that were idle. Raises ServerAway."""
        is_reused = self._opened is not None
        headers = {"Content-Type": content_type}
        try:
            try:
                return self.exchange(method, path, headers, body)
            except ServerAway as away:
                if not (is_reused and isinstance(away.__cause__, _DROPPED)):
                    raise
            return self.exchange(method, path, headers, body)
        except BadAnswer as error:
            raise ServerAway(str(error)) from error

    def exchange(self, method: str, path: str, headers: Mapping[str, str], body: bytes | Body | None = None) -> Answer:
        """A request and its answer. A body of pieces is sent until the server answers. Raises ServerAway or BadAnswer."""
        with self._answering(method, path, headers, body) as response:
            return self._read(response)

    def open(self, path: str) -> HTTPResponse | Answer:
        """The response to a GET, whose body is still to be read; the answer if it is no 200. Raises ServerAway or BadAnswer."""
        with self._answering("GET", path, {}, None, is_kept=True) as response:
            return response if response.status == HTTPStatus.OK else self._read(response)

    @contextmanager
    def _answering(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | Body | None, *, is_kept: bool = False
    ) -> Iterator[HTTPResponse]:
        """The response, in time. Unless it `is_kept`, the connection is closed after it if it is of no further use; after an error always."""
        response: HTTPResponse | None = None
        try:
            connection, is_sent = self._request(method, path, headers, body)
            with answers.in_time(connection, answers.WHOLE_SECONDS):
                response = connection.getresponse()
                yield response
            if not is_kept and (response.will_close or not is_sent):
                self.close()
        except BaseException as error:
            if response is not None:
                # One behind which the server closes has taken the socket over from the connection.
                response.close()
            self.close()
            if isinstance(error, OSError | HTTPException | TooSlow):
                raise ServerAway(reason_of(error)) from error
            raise

    def _read(self, response: HTTPResponse) -> Answer:
        content = answers.read_at_most(response, self._most_bytes)
        try:
            value = answers.value_of(content) if content else None
        except ValueError:
            value = None
        return Answer(response.status, response.reason, value, answers.pause_of(response))

    def close(self) -> None:
        """Ends the connection; the next request makes another."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def _request(self, method: str, path: str, headers: Mapping[str, str], body: bytes | Body | None) -> tuple[HTTPConnection, bool]:
        """The connection, and whether the whole request was sent."""
        connection = self._opened = self._opened or self._connected()
        content = _until_answer(connection, body(), self._is_https) if callable(body) else body
        chunked = {"Transfer-Encoding": "chunked"} if callable(body) else {}
        try:
            connection.request(method, self._path + path, content, {**self._headers, **headers, **chunked}, encode_chunked=callable(body))
        except (_AnswersEarly, BrokenPipeError, ConnectionResetError):
            # The server may have answered before it closed the connection.
            return connection, False
        return connection, True

    def _connected(self) -> HTTPConnection:
        connection = (HTTPSConnection if self._is_https else HTTPConnection)(self._host, self._port, timeout=CONNECT_SECONDS)
        try:
            connection.connect()
        except OSError as error:
            connection.close()
            raise NotConnected(reason_of(error)) from error
        connection.sock.settimeout(ANSWER_SECONDS)
        return connection


class _AnswersEarly(Exception):
    """The server answered before the whole body was sent."""


def reason_of(error: Exception) -> str:
    """Why a connection was lost."""
    return str(error) or type(error).__name__


def _until_answer(connection: HTTPConnection, chunks: Iterator[bytes], is_https: bool) -> Iterator[bytes]:
    for chunk in chunks:
        # A TLS connection has records to read that are not an answer.
        if not is_https and select.select([connection.sock], [], [], 0)[0]:
            raise _AnswersEarly
        yield chunk
