"""Reads SQL from .sql files beside the code that runs it.

A file holds several statements. A line `-- name: totals` begins each; comments and statement follow as they are, with `%(name)s` placeholders.
"""

import re
from importlib.resources import files
from typing import TYPE_CHECKING, Final

_NAME: Final = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


class SqlFile:
    """The statements of a file in a package, by their names: `_SQL.totals`, or `_SQL[name]`."""

    def __init__(self, package: str, file: str) -> None:
        _, *parts = _NAME.split((files(package) / file).read_text(encoding="utf-8"))
        vars(self).update(zip(parts[::2], map(_without_comments, parts[1::2]), strict=True))

    def __getitem__(self, name: str) -> str:
        return str(vars(self)[name])

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> str: ...


def _without_comments(text: str) -> str:
    return "\n".join(line for line in text.strip().splitlines() if not line.lstrip().startswith("--"))
