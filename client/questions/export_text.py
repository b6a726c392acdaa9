"""Exports as they come from the server: as lines of text, or as bytes into a file or onto standard output."""

import codecs
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from client.errors import Failure
from client.http.answers import lines_of
from client.http.server import Server
from client.output.terminal import cleaned, is_terminal, write_bytes


def session_path(session_id: str, parameters: Mapping[str, Any]) -> str:
    """The path of a session's export."""
    return _path(f"/api/sessions/{quote(session_id, safe='')}/export", parameters)


def list_path(name: str, parameters: Mapping[str, Any]) -> str:
    """The path of a list."""
    return _path(f"/api/{name}", parameters)


def _path(path: str, parameters: Mapping[str, Any]) -> str:
    return f"{path}?{urlencode({name: value for name, value in parameters.items() if value is not None})}"


@contextmanager
def export_lines(server: Server, session_id: str, parameters: Mapping[str, Any]) -> Iterator[Iterator[str]]:
    """The lines of a session's export."""
    with server.download(session_path(session_id, parameters)) as pieces:
        yield (line.decode("utf-8", "replace").replace("\r\n", "\n") for line in lines_of(pieces))


def write_text(texts: Iterable[str]) -> None:
    """Onto standard output, in UTF-8 whatever the machine's encoding is, without what a terminal would obey."""
    write_bytes(cleaned(text).encode() for text in texts)


def write_pieces(pieces: Iterator[bytes], target: Path | None) -> None:
    """Into a file, or onto standard output if there is no target. A file appears when it is complete, and replaces one of its name."""
    if target is None:
        if is_terminal():
            write_text(_decoded(pieces))
        else:
            write_bytes(pieces)
        return
    partial = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        # Sessions are private: readable for their owner alone.
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.writelines(pieces)
        partial.replace(target)
    except OSError as error:
        raise Failure(f"{target} cannot be written: {error.strerror or error}.") from error
    finally:
        partial.unlink(missing_ok=True)


def _decoded(pieces: Iterable[bytes]) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for piece in pieces:
        yield decoder.decode(piece).replace("\r\n", "\n")
    yield decoder.decode(b"", final=True)
