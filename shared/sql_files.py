"""Reads SQL from .sql files beside the code that runs it.

A file holds several statements. A line `-- name: totals` begins each; comments and statement follow as they are, with `%(name)s` placeholders.
Several of them can share a part: it stands once, after a line `-- part: segments`, and replaces `{segments}` in each statement.
"""

import re
from collections.abc import Iterator
from importlib.resources import files
from typing import TYPE_CHECKING, Final

_BLOCK: Final = re.compile(r"^-- (name|part): (\w+)\n", re.MULTILINE)
_PLACE: Final = re.compile(r"^( *)(.*?)\{(\w+)\}", re.MULTILINE)


class SqlFile:
    """The statements of a file in a package, by their names: `_SQL.totals`, or `_SQL[name]`.

    `parts`: a file beside it whose parts they use, too. `given`: parts that the code makes.
    """

    def __init__(self, package: str, file: str, parts: str | None = None, **given: str) -> None:
        known = given
        for each in filter(None, (parts, file)):
            _, *blocks = _BLOCK.split((files(package) / each).read_text(encoding="utf-8"))
            for kind, name, text in zip(blocks[::3], blocks[1::3], blocks[2::3], strict=True):
                (known if kind == "part" else vars(self))[name] = _filled(_without_comments(text), known)

    def __getitem__(self, name: str) -> str:
        return str(vars(self)[name])

    def __iter__(self) -> Iterator[str]:
        """The names, in the order of the file."""
        return iter(vars(self))

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> str: ...


def _without_comments(text: str) -> str:
    return "\n".join(line for line in text.strip().splitlines() if not line.lstrip().startswith("--"))


def _filled(text: str, parts: dict[str, str]) -> str:
    """With the parts in their places, as far in as the line. Places that no part is for are filled by the code that has the statement."""

    def fill(place: re.Match[str]) -> str:
        indent, before, name = place.groups()
        return place[0] if name not in parts else indent + before + parts[name].replace("\n", "\n" + indent)

    while (filled := _PLACE.sub(fill, text)) != text:
        text = filled
    return text
