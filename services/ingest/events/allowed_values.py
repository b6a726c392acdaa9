"""The values that a field of a body may have, for the error that names them: the value itself is not repeated, since it may be a secret."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

import msgspec.inspect as inspected

_NAME: Final = re.compile(r"[^.\[\]]+")
_ITEM: Final = re.compile(r"[0-9]+|\.\.\.")


def allowed_values(body: Any, field: str) -> list[str]:
    """As msgspec names a field, `usage.model` or `scopes[1]`, of a body of this type. Empty if it may have any value."""
    kinds = list(_each(_type_info(body)))
    for name in _NAME.findall(field):
        kinds = [inner for kind in kinds for inner in _within(kind, name)]
    return list(dict.fromkeys(str(value) for kind in kinds if isinstance(kind, inspected.LiteralType) for value in kind.values))


# It takes as long as many errors, and a batch may have one in every item.
_type_info = lru_cache(maxsize=64)(inspected.type_info)


def _each(kind: inspected.Type) -> Iterator[inspected.Type]:
    if isinstance(kind, inspected.UnionType):
        yield from kind.types
    else:
        yield kind


def _within(kind: inspected.Type, name: str) -> Iterator[inspected.Type]:
    if isinstance(kind, inspected.ListType) and _ITEM.fullmatch(name):
        yield from _each(kind.item_type)
    elif isinstance(kind, inspected.StructType):
        if name == kind.tag_field:
            yield inspected.LiteralType((kind.tag,))
        for field in kind.fields:
            if field.encode_name == name:
                yield from _each(field.type)
