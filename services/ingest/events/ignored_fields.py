"""Names the fields of a body that no event has. Ingest ignores them and lists them in the answer.

A second decoding reads the keys alone and keeps no values. It costs a write 0.5 µs, 1 % of its CPU. Only a body that has such a field is searched.
"""

from collections.abc import Iterable
from functools import reduce
from operator import or_
from types import GenericAlias
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from services.ingest.http.json_limits import storable
from shared.events.event_kinds import KINDS
from shared.events.messages import GivenResult, Usage

MAX_NAMES: Final = 20
MAX_NAME_LENGTH: Final = 100

_ABSENT: Final = Raw(b"")


def _keys_of(struct: type[Struct], tag: str | None, parts: dict[str, Any]) -> type[Struct]:
    """A struct with the same fields, of any value, that rejects other fields. `parts`: fields with fields of their own to check."""
    fields = [
        (each.encode_name, parts.get(each.encode_name, Raw), msgspec.field(default=None if each.encode_name in parts else _ABSENT))
        for each in msgspec.structs.fields(struct)
    ]
    return msgspec.defstruct(f"{struct.__name__}Keys", fields, tag=tag, forbid_unknown_fields=True)


_USAGE: Final = _keys_of(Usage, None, {})
_RESULT: Final = _keys_of(GivenResult, None, {})
_PARTS: Final[dict[str, Any]] = {"usage": _USAGE | None, "result": _RESULT | str | None}
_KEYS: Final = {
    struct: _keys_of(struct, kind.tag, {name: part for name, part in _PARTS.items() if name in struct.__struct_fields__})
    for struct, kind in KINDS.items()
}
_ONE: Final[dict[type[Struct], msgspec.json.Decoder[Any]]] = {struct: msgspec.json.Decoder(keys) for struct, keys in _KEYS.items()}
_KNOWN_OF_PART: Final = {"usage": frozenset(Usage.__struct_fields__), "result": frozenset(GivenResult.__struct_fields__)}


_ANY: Final[Any] = reduce(or_, _KEYS.values())
_MANY: Final[msgspec.json.Decoder[Any]] = msgspec.json.Decoder(GenericAlias(list, (_ANY,)))
_EACH: Final[msgspec.json.Decoder[Any]] = msgspec.json.Decoder(_ANY)
_OBJECT: Final = msgspec.json.Decoder(dict[str, Raw])


def ignored_fields(text: bytes, struct: type[Struct]) -> list[str]:
    """The unknown fields of a body that was decoded as this event: "colour", "usage.colour". At most MAX_NAMES; longer names are cut."""
    try:
        _ONE[struct].decode(text)
    except msgspec.MsgspecError:
        return _names(text, struct)
    return []


def unknown_fields(text: bytes, struct: type[Struct]) -> list[str]:
    """The same of a body that is no event."""
    return _names(text, struct)


def ignored_in_batch(text: bytes, is_lines: bool, items: Iterable[tuple[bytes, type[Struct]]]) -> list[str]:
    """The same for a batch. `items` are the items that could be decoded, with their events. Gives each name once."""
    try:
        _EACH.decode_lines(text) if is_lines else _MANY.decode(text)
    except (msgspec.MsgspecError, RecursionError):
        found: dict[str, None] = {}
        for item, struct in items:
            found |= dict.fromkeys(ignored_fields(item, struct))
            if len(found) >= MAX_NAMES:
                break
        return list(found)[:MAX_NAMES]
    return []


def _names(text: bytes, struct: type[Struct]) -> list[str]:
    # A name may hold an escape that cannot be decoded.
    fields = _OBJECT.decode(storable(text))
    tag_field = struct.__struct_config__.tag_field
    names = [name for name in fields if name not in struct.__struct_fields__ and name != tag_field]
    for part, known in _KNOWN_OF_PART.items():
        if part in struct.__struct_fields__ and bytes(fields.get(part, _ABSENT)).startswith(b"{"):
            names += [f"{part}.{name}" for name in _OBJECT.decode(fields[part]) if name not in known]
    return [name[:MAX_NAME_LENGTH] for name in names[:MAX_NAMES]]
