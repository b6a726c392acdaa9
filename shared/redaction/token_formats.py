"""The kinds of secrets that are known by themselves, as token_formats.toml has them."""

import re
import tomllib
from functools import lru_cache
from importlib.resources import files
from typing import NamedTuple

_COUNT = re.compile(r"\{(\d+)(,\d*)?\}")
# Enough to tell a token from a word.
_UNCOUNTED = 7
_HINT_LENGTH = 20


class Kind(NamedTuple):
    """One mark of a kind, and what is around it (token_formats.toml)."""

    kind: str
    begins: bytes
    then: bytes
    behind: tuple[bytes, ...]
    is_first: bool
    is_alone: bool
    example: str


@lru_cache(maxsize=1)
def kinds() -> tuple[Kind, ...]:
    """Read at the first use."""
    tables = tomllib.loads(files("shared.redaction").joinpath("token_formats.toml").read_text())["token"]
    return tuple(
        Kind(
            kind=table["kind"],
            begins=begins.encode(),
            then=table["then"].encode(),
            behind=tuple(before.encode() for before in table.get("behind", ())),
            is_first=table.get("first", False) or table.get("alone", False),
            is_alone=table.get("alone", False),
            example=table["example"],
        )
        for table in tables
        for begins in table["begins"]
    )


def edge_before(kind: Kind) -> bytes:
    """The assertion, right behind a mark, that it begins a word if it must: asyncio has no `cio`. An escape may end in a letter: `\\n`, `%3D`, `[32m`."""
    if not kind.is_first:
        return b""
    mark, word = re.escape(kind.begins), rb"[A-Za-z0-9_]" if kind.is_alone else rb"[A-Za-z0-9]"
    return rb"(?:(?<!%b%b)|(?<=\\[nrtbf]%b)|(?<=%%[0-9A-Fa-f]{2}%b)|(?<=[0-9\[]m%b))" % (word, mark, mark, mark, mark)


def token_hint(kind: Kind) -> bytes:
    """The part of a token that shows there may be one: its mark and some bytes after it, so that an automaton need not count far."""
    # All of it is in a group where only a part of the whole is the secret.
    then = re.sub(r"^\((?!\?)", "", kind.then.decode())
    count = next(
        (count for count in _COUNT.finditer(then) if int(count[1]) > _HINT_LENGTH or (count[2] and int(count[1]) > _UNCOUNTED)), None
    )
    if count is None:
        return re.escape(kind.begins) + then.encode()
    start = then[: count.start()]
    if start.count("(") > start.count(")"):
        return re.escape(kind.begins) + start.rpartition("(")[0].encode()
    return re.escape(kind.begins) + start.encode() + b"{%d}" % min(int(count[1]), _HINT_LENGTH)
