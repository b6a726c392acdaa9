"""Reads SQL from .sql files beside the code that runs it.

A file holds several statements. A line `-- name: totals` begins each; comments and statement follow as they are, with `%(name)s` placeholders.
"""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final

_NAME: Final = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


def statement(package: str, file: str, name: str) -> str:
    """One statement of a file in a package. KeyError if the file has no statement of this name."""
    return _statements(package, file)[name]


@cache
def _statements(package: str, file: str) -> Mapping[str, str]:
    _, *parts = _NAME.split((files(package) / file).read_text(encoding="utf-8"))
    return {name: _without_comments(text) for name, text in zip(parts[::2], parts[1::2], strict=True)}


def _without_comments(text: str) -> str:
    return "\n".join(line for line in text.strip().splitlines() if not line.lstrip().startswith("--"))
