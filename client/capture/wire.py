"""The tracker's API as the shipper uses it: one connection that is kept open, and each answer with what to do about it."""

from http.client import HTTPConnection, HTTPException, HTTPSConnection, RemoteDisconnected
from typing import Any, Final, NamedTuple

from client import answers
from client.address import address_of, authorization
from client.answers import TooSlow
from client.errors import BadAnswer

CONNECT_SECONDS: Final = 10.0
ANSWER_SECONDS: Final = 30.0
_LONGEST_ANSWER: Final = 1024**2


class Answer(NamedTuple):
    """Status, the JSON object of the body (empty if it has none), and the pause in seconds that the server asks for."""

    status: int
    body: dict[str, Any]
    retry_after: float | None

    @property
    def message(self) -> str:
        """What a person reads of it."""
        return f"{self.status} {self.body.get('message') or ''}".rstrip()


class ServerAway(Exception):
    """No connection, or it ended before an answer."""


class Wire:
    """A connection to the server. Raises InvalidUrl or InvalidKey."""

    def __init__(self, url: str, token: str | None, machine_id: str) -> None:
        self._host, self._port, is_https, self._path = address_of(url)
        self._kind = HTTPSConnection if is_https else HTTPConnection
        self._headers = {"Accept": "application/json", "X-Tracker-Machine": machine_id} | authorization(token)
        self._connection: HTTPConnection | None = None

    def send(self, method: str, path: str, body: bytes, content_type: str) -> Answer:
        """Sends a request, which may be sent twice. Raises ServerAway."""
        is_reused = self._connection is not None
        try:
            return self._send(method, path, body, content_type)
        except (RemoteDisconnected, BrokenPipeError, ConnectionResetError) as error:
            self.close()
            # The server closes connections that were idle.
            if not is_reused:
                raise ServerAway(str(error) or type(error).__name__) from error
        except (OSError, HTTPException, TooSlow, BadAnswer) as error:
            self.close()
            raise ServerAway(str(error) or type(error).__name__) from error
        try:
            return self._send(method, path, body, content_type)
        except (OSError, HTTPException, TooSlow, BadAnswer) as error:
            self.close()
            raise ServerAway(str(error) or type(error).__name__) from error

    def _send(self, method: str, path: str, body: bytes, content_type: str) -> Answer:
        if self._connection is None:
            self._connection = self._kind(self._host, self._port, timeout=CONNECT_SECONDS)
            self._connection.connect()
            self._connection.sock.settimeout(ANSWER_SECONDS)
        self._connection.request(method, self._path + path, body, self._headers | {"Content-Type": content_type})
        with answers.in_time(self._connection, answers.WHOLE_SECONDS):
            response = self._connection.getresponse()
            content = answers.read_at_most(response, _LONGEST_ANSWER)
        if response.will_close:
            self.close()
        try:
            answer = answers.value_of(content) if content else {}
        except ValueError:
            answer = {}
        return Answer(response.status, answer if isinstance(answer, dict) else {}, answers.pause_of(response))

    def close(self) -> None:
        """Ends the connection; the next request makes another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
