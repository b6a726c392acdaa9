"""The one door to the terminal. Texts of others (titles, file names, a server's words) must be read there, never obeyed.

`guard` puts itself between this process and its terminal: what is printed by whatever means loses what a terminal would obey. Two ways
lead around it: `data`, for JSON and CSV that go into a file or a pipe, and client/output/console.py, which cleans texts before it colours them.
"""

import json
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TextIO, cast

# Controls but for tab and line feed (an escape, the C1 of 8-bit terminals, a bell), marks that turn the direction of writing, separators
# of lines and paragraphs, and halves of characters, which no encoding has.
_UNSAFE_SET: Final = "\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff"
_UNSAFE: Final = re.compile(f"[{_UNSAFE_SET}]")
# The colours of Typer's help stay.
_UNSAFE_BESIDE_COLOURS: Final = re.compile(rf"(\x1b\[[0-9;]*m)|[{_UNSAFE_SET}]")
_HALVES: Final = re.compile("[\ud800-\udfff]")
SHOWN_INSTEAD: Final = "\ufffd"


def cleaned(text: str) -> str:
    """The text with a sign in place of each character that a terminal would obey. It has as many characters as before."""
    return _UNSAFE.sub(SHOWN_INSTEAD, text)


def one_line(text: str) -> str:
    """The same on one line."""
    return " ".join(_UNSAFE.sub(" ", text).split())


class _Guarded:
    """A stream to a person. It has no `buffer`, by which bytes would pass unseen."""

    def __init__(self, stream: TextIO) -> None:
        self.unguarded = stream

    @property
    def rich_proxied_file(self) -> "_Guarded":
        """Where rich writes if it is given no stream, as Typer does for its help and its errors of usage."""
        return _Coloured(self.unguarded)

    def write(self, text: str) -> int:
        self.unguarded.write(self._clean(text))
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        for line in lines:
            self.write(line)

    def _clean(self, text: str) -> str:
        return cleaned(text)

    def __getattr__(self, name: str) -> Any:
        if name == "buffer":
            raise AttributeError(name)
        return getattr(self.unguarded, name)


class _Coloured(_Guarded):
    def _clean(self, text: str) -> str:
        return _UNSAFE_BESIDE_COLOURS.sub(lambda found: found[1] or SHOWN_INSTEAD, text)


def guard() -> None:
    """From now on standard output and standard error are guarded, for all that this process prints."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is not None and not isinstance(stream, _Guarded):
            setattr(sys, name, _Guarded(stream))


def unguarded(*, is_error: bool = False) -> TextIO:
    """The stream itself, for what is clean already."""
    stream = sys.stderr if is_error else sys.stdout
    return cast("TextIO", getattr(stream, "unguarded", stream))


@contextmanager
def without_guard() -> Iterator[None]:
    """Standard output as it is, for a program of the library that shows what is clean already."""
    guarded = sys.stdout
    sys.stdout = unguarded()
    try:
        yield
    finally:
        sys.stdout = guarded


def write_json(value: Any) -> None:
    """One JSON value on one line. On a terminal it has escapes of JSON for what the terminal would obey: it is the same value."""
    stream = unguarded()
    text = json.dumps(value, ensure_ascii=False)
    dangerous = _UNSAFE if stream.isatty() else _HALVES
    stream.write(dangerous.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n")


def write_data(text: str) -> None:
    """Data for a program: as it is into a file or a pipe, cleaned on a terminal."""
    stream = unguarded()
    stream.write(cleaned(text) if stream.isatty() else _HALVES.sub(SHOWN_INSTEAD, text))


def write_bytes(pieces: Iterable[bytes]) -> None:
    """Bytes as they are, for a file or a pipe, or of text that is clean."""
    stream = unguarded()
    stream.flush()
    stream.buffer.writelines(pieces)
    stream.buffer.flush()


def is_terminal() -> bool:
    """Whether standard output is one."""
    return unguarded().isatty()
