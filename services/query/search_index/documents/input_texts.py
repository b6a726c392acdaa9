"""The input of a tool call as text that can be read and searched: one value a line, without JSON's marks and without names."""

from collections.abc import Iterator
from typing import Any

import msgspec

# The subject of a call comes first: its beginning is what a snippet shows, and what misspelt words are compared with.
_FIRST = ("command", "file_path", "path", "notebook_path", "pattern", "query", "url", "description", "prompt")


def input_text(parameters: str | None) -> str:
    """The values of a JSON value: texts as they are, numbers as in JSON. Empty without parameters. Raises nothing: what is no JSON stays as it is."""
    if parameters is None:
        return ""
    try:
        value = msgspec.json.decode(parameters)
    except (msgspec.DecodeError, RecursionError):
        return parameters
    return "\n".join(_values(value))


def _values(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        first = [name for name in _FIRST if name in value]
        for name in (*first, *(name for name in value if name not in first)):
            yield from _values(value[name])
    elif isinstance(value, list):
        for item in value:
            yield from _values(item)
    elif value is not None and not isinstance(value, bool):
        yield msgspec.json.encode(value).decode()
