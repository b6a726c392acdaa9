"""Limits on a server that is broken or hostile: on the size of an answer, on its time, and on what its JSON may hold.

The client (client/http/connection.py) keeps to them, and who reads a body piece by piece (client/http/server.py).
"""

import json
import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPResponse
from typing import Any, Final

from client.errors import BadAnswer

# The API ends a page of a list before 8 MiB of texts, which JSON may write six times as long.
MOST_BYTES: Final = 64 * 1024**2
# From the request to the last byte. The server ends its own work on a request after 30 s.
WHOLE_SECONDS: Final = 120.0
PIECE_BYTES: Final = 256 * 1024
# An image in a transcript is one line.
LONGEST_LINE: Final = 64 * 1024**2
_LONGEST_PAUSE_SECONDS: Final = 86_400.0
_MIB: Final = 1024**2


class TooSlow(Exception):
    """The answer was not there in time."""


class Fields(dict[str, Any]):
    """An object of an answer. A member that is missing is the server's fault, and not a KeyError of ours."""

    def __missing__(self, name: str) -> Any:
        raise BadAnswer(
            f"The server's answer has no {name!r}: it is no tracker, or one of another version. `tracker doctor` compares them."
        )


@contextmanager
def in_time(connection: HTTPConnection, seconds: float) -> Iterator[None]:
    """Raises TooSlow if an answer takes longer, however slowly it drips: a read alone is bounded by the socket's own timeout."""
    is_over = threading.Event()
    # With `Connection: close` the connection forgets its socket, while the answer is still read from it.
    opened = connection.sock

    def cut() -> None:
        is_over.set()
        # Not that of a TLS socket, which would end the encryption under the thread that reads.
        with suppress(OSError):
            socket.socket.shutdown(opened, socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    except Exception as error:
        # An answer that was cut off may look like an end, and so like an answer that is wrong.
        if is_over.is_set():
            raise TooSlow(f"The answer was not complete after {seconds:g} s") from error
        raise
    finally:
        timer.cancel()
    if is_over.is_set():
        raise TooSlow(f"The answer was not complete after {seconds:g} s")


def read_at_most(response: HTTPResponse, most: int = MOST_BYTES) -> bytes:
    """The whole body. BadAnswer if it is longer."""
    pieces, left = [], most
    try:
        while left >= 0 and (piece := response.read(PIECE_BYTES)):
            pieces.append(piece)
            left -= len(piece)
    finally:
        # With what is left of it, if it is too long or was cut off: the connection does not know of every answer.
        response.close()
    if left < 0:
        raise BadAnswer(f"The server's answer is longer than {most / _MIB:g} MiB, which no tracker sends. Check --url or TRACKER_URL.")
    return b"".join(pieces)


def value_of(content: bytes | str) -> Any:
    """The JSON value. ValueError if it is no JSON, or one that no tracker sends: nested too deeply, or with a number that is not finite."""
    try:
        return json.loads(content, object_hook=Fields, parse_float=_finite, parse_constant=_finite)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _finite(text: str) -> float:
    value = float(text)
    if not abs(value) < float("inf"):
        raise ValueError(f"{text} is not finite")
    return value


def pause_of(response: HTTPResponse) -> float | None:
    """The seconds of Retry-After; None without, or if it is a date."""
    after = response.getheader("Retry-After") or ""
    return min(float(after), _LONGEST_PAUSE_SECONDS) if after.isascii() and after.isdigit() else None


def lines_of(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The lines with their ends; the last one may have none. BadAnswer for one that does not end."""
    rest: list[bytes] = []
    size = 0
    for piece in pieces:
        first, *more = piece.splitlines(keepends=True) if b"\n" in piece else [piece]
        for part in (first, *more):
            rest.append(part)
            size += len(part)
            if part.endswith(b"\n"):
                yield b"".join(rest)
                rest, size = [], 0
        if size > LONGEST_LINE:
            raise BadAnswer(f"The server's answer has a line that is longer than {LONGEST_LINE / _MIB:g} MiB.")
    if rest:
        yield b"".join(rest)
