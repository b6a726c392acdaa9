"""A tool call's input as it is stored: its whole shape, with long texts cut, so that a row stays small."""

from typing import Any

from services.worker.importers.formats.sanitize import shortened

MAX_TEXT_CHARACTERS = 2000
MAX_ITEMS = 50
MAX_DEPTH = 6
MAX_TOTAL_CHARACTERS = 16_000


def kept_parameters(parameters: dict[str, Any] | None) -> dict[str, Any] | None:
    """The parameters with texts, lists and depth cut to their limits. If they are too long in all, only the short top-level scalars are kept."""
    if parameters is None or _is_small(parameters):
        return parameters
    kept, size = _cut(parameters, MAX_DEPTH)
    if size <= MAX_TOTAL_CHARACTERS:
        return kept if isinstance(kept, dict) else None
    return {
        name[:200]: shortened(value, 200) if isinstance(value, str) else value
        for name, value in list(parameters.items())[:MAX_ITEMS]
        if _is_scalar(value)
    }


def _is_small(parameters: dict[str, Any]) -> bool:
    """Whether no limit can be exceeded. True for most: a few short texts."""
    size = 0
    for name, value in parameters.items():
        if isinstance(value, str):
            size += len(name) + len(value)
        elif isinstance(value, (int, float)) or value is None:
            size += len(name) + 8
        else:
            return False
    # Then no single text can exceed its limit.
    return size <= MAX_TEXT_CHARACTERS and len(parameters) <= MAX_ITEMS


def _is_scalar(value: Any) -> bool:
    return isinstance(value, (str, int, float, bool)) or value is None


def _cut(value: Any, depth: int) -> tuple[Any, int]:
    """The value, cut, and about how many characters it has."""
    if isinstance(value, str):
        text = shortened(value, MAX_TEXT_CHARACTERS)
        return text, len(text)
    if isinstance(value, dict):
        if depth == 0:
            return {}, 2
        cut = {name[:MAX_TEXT_CHARACTERS]: _cut(item, depth - 1) for name, item in list(value.items())[:MAX_ITEMS]}
        return {name: item for name, (item, _) in cut.items()}, sum(len(name) + size for name, (_, size) in cut.items())
    if isinstance(value, list):
        if depth == 0:
            return [], 2
        items = [_cut(item, depth - 1) for item in value[:MAX_ITEMS]]
        return [item for item, _ in items], sum(size for _, size in items)
    return value, 8
