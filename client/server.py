"""The tracker's API over HTTP, with nothing but Python's library: requests in JSON, uploads as a stream, again where that is safe."""

import json
import select
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any, Final
from urllib.parse import urlsplit

from client.errors import NotNow, Refused, Unreachable

CONNECT_SECONDS: Final = 10
ANSWER_SECONDS: Final = 60
# Of what the server cannot take for the moment, and of uploads that were cut off: with these pauses, a minute in all.
PAUSES_SECONDS: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
LONGEST_PAUSE_SECONDS: Final = 60.0
_NOT_NOW: Final = (502, 503, 504)

Body = Callable[[], Iterator[bytes]]


class InvalidUrl(ValueError):
    """No address of a server."""


class Server:
    """A server at a URL. `on_wait` hears why, before each pause."""

    def __init__(self, url: str, token: str | None, on_wait: Callable[[str], None]) -> None:
        parts = urlsplit(url if "//" in url else f"http://{url}")
        try:
            self._port = parts.port
        except ValueError as error:
            raise InvalidUrl(f"{url} is no URL: {error}") from None
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidUrl(f"{url} is no URL of a server; it should look like http://127.0.0.1:8000")
        self.url = url
        self._host = parts.hostname
        self._is_secret = parts.scheme == "https"
        self._path = parts.path.rstrip("/")
        self._headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        self.on_wait = on_wait

    def ask(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Any:
        """The answer's JSON. Refused or Unreachable. What it cannot take now it is asked again."""
        content = None if body is None else json.dumps(body).encode()
        of_body = {} if content is None else {"Content-Type": "application/json", "Content-Length": str(len(content))}
        return self._again(
            lambda: self._once(method, path, of_body | dict(headers or {}), None if content is None else lambda: iter([content]))
        )

    def upload(self, path: str, headers: Mapping[str, str], body: Body) -> Any:
        """Sends the body as it comes; `body` is called for each try, and has an Idempotency-Key that makes them one."""
        chunked = {**headers, "Transfer-Encoding": "chunked"}
        return self._again(lambda: self._once("POST", path, chunked, body), retries_cut_offs=True)

    def _again(self, request: Callable[[], Any], *, retries_cut_offs: bool = False) -> Any:
        for pause in PAUSES_SECONDS:
            try:
                return request()
            except NotNow as error:
                self.on_wait(str(error))
                asked = error.retry_after_seconds
                time.sleep(pause if asked is None else min(asked, LONGEST_PAUSE_SECONDS))
            except _CutOff:
                if not retries_cut_offs:
                    raise
                self.on_wait("The connection was cut off; trying again.")
                time.sleep(pause)
        return request()

    def _once(self, method: str, path: str, headers: Mapping[str, str], body: Body | None) -> Any:
        connection = self._connected()
        try:
            try:
                chunks = None if body is None else _until_answered(connection, body(), self._is_secret)
                connection.request(
                    method, self._path + path, chunks, {**self._headers, **headers}, encode_chunked="Transfer-Encoding" in headers
                )
            except (_AnswersAlready, BrokenPipeError, ConnectionResetError):
                # It may have said why before it hung up.
                return _read(connection.getresponse())
            return _read(connection.getresponse())
        except (OSError, HTTPException) as error:
            raise _CutOff(f"The connection to {self.url} was cut off ({error or type(error).__name__}); run the command again.") from error
        finally:
            connection.close()

    def _connected(self) -> HTTPConnection:
        kind = HTTPSConnection if self._is_secret else HTTPConnection
        connection = kind(self._host, self._port, timeout=CONNECT_SECONDS)
        try:
            connection.connect()
        except ssl.SSLError as error:
            connection.close()
            raise Unreachable(f"{self.url} does not speak https as it should ({error.reason or error}); is it http://?") from error
        except OSError as error:
            reason = error.strerror or str(error)
            raise Unreachable(
                f"There is no tracker at {self.url} ({reason}): start it with `make up` in its folder, or name another with --url."
            ) from error
        connection.sock.settimeout(ANSWER_SECONDS)
        return connection


class _CutOff(Unreachable):
    """The connection ended before the answer."""


class _AnswersAlready(Exception):
    """The server does not wait for the rest of the body."""


def _until_answered(connection: HTTPConnection, chunks: Iterator[bytes], is_secret: bool) -> Iterator[bytes]:
    for chunk in chunks:
        # TLS has bytes of its own to read, which are no answer.
        if not is_secret and select.select([connection.sock], [], [], 0)[0]:
            raise _AnswersAlready
        yield chunk


def _read(response: HTTPResponse) -> Any:
    content = response.read()
    try:
        answer = json.loads(content)
    except ValueError:
        answer = None
    if 200 <= response.status < 300 and answer is not None:
        return answer
    known = answer if isinstance(answer, dict) and "message" in answer else {}
    after = response.getheader("Retry-After") or ""
    raise (NotNow if response.status in _NOT_NOW else Refused)(
        known.get("message") or f"It answered {response.status} {response.reason}, which is not how a tracker answers; is the URL right?",
        status=response.status,
        details=known.get("details") or {},
        retry_after_seconds=float(after) if after.isdigit() else None,
    )
