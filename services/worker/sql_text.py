"""Small templates for statements that are composed."""

import re
from collections.abc import Iterable, Mapping
from textwrap import dedent

_PART = re.compile(r"\$(\w+)")
_WIDTH = 120


def sql(template: str, **parts: str) -> str:
    """`template` with each $name replaced. A part of several lines is indented like the line that names it; an empty part leaves no line."""
    lines = (_filled(line, parts) for line in dedent(template).strip("\n").split("\n"))
    return "\n".join(line for line in lines if line.strip())


def _filled(line: str, parts: Mapping[str, str]) -> str:
    indent = line[: len(line) - len(line.lstrip())]
    return _PART.sub(lambda name: parts[name[1]].replace("\n", "\n" + indent), line)


def listed(items: Iterable[str], *, width: int = _WIDTH) -> str:
    """The items with commas between them, on as many lines as they need. Never breaks an item."""
    lines: list[str] = []
    for item in items:
        if lines and len(lines[-1]) + len(item) + 2 <= width:
            lines[-1] += f", {item}"
        else:
            lines.append(item)
    return ",\n".join(lines)


def ctes(*texts: str) -> str:
    """The common table expressions after WITH."""
    return ",\n".join(filter(None, texts))


def union_all(selects: Iterable[str]) -> str:
    """The rows of all SELECTs."""
    return "\nUNION ALL\n".join(selects)


def ordinals(columns: Iterable[str]) -> str:
    """`1, 2, 3`, to group or order by the first columns."""
    return ", ".join(str(number) for number, _ in enumerate(columns, 1))
