"""Events and records without their secrets: every field that can hold text, so that a new kind or a new field is covered before anybody thinks of it."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import msgspec
import re2
from msgspec import Struct, inspect

from shared.redaction import given_texts
from shared.redaction.compiled_patterns import CREDENTIAL, compiled, options
from shared.redaction.context_patterns import DOUBTFUL_KEY_ENDS, DOUBTFUL_KEYS, HARMLESS_KEYS, SECRET_KEY_ENDS
from shared.redaction.false_positives import is_placeholder, is_secret
from shared.redaction.redact import has_word, redact_given, redact_text, word_of
from shared.redaction.secrets_in_json import in_json

# Left as they are, and why.
EXEMPT = {
    "session_id": "a name that other events and addresses refer to; Claude Code makes it at random",
    "parent_session_id": "the same",
    "agent_id": "a name that other records refer to; Claude Code makes it at random",
    "started_agent": "the same",
    "machine_id": "a name that other rows refer to; a shipper makes it at random",
}
# Few have any, so most calls are saved.
_ASKED_AT_ONCE = 8
_SCHEMES = ("bearer ", "basic ", "token ", "apikey ", "digest ")
_SECRET_KEY_ENDS = tuple(words.replace(" ", "") for words in SECRET_KEY_ENDS)
_DOUBTFUL_KEY_ENDS = tuple(words.replace(" ", "") for words in DOUBTFUL_KEY_ENDS)
# {"name": "DB_PASSWORD", "value": …}: a variable of a container, a field of a form.
_NAME_KEYS = ("name", "key", "field", "id")
_VALUE_KEYS = ("value", "content", "text", "defaultValue")
_MAX_NAME = 100
# Keys come again and again, in each line of a transcript. The judgements of so many are remembered, if they are no longer than a name.
_KNOWN_KEYS = 4096
_encode = msgspec.json.Encoder().encode


@lru_cache(maxsize=1)
def _in_json() -> Any:
    # Where only yes or no is asked, a set is faster than a search.
    patterns = re2.Set.SearchSet(options())
    for pattern in in_json():
        patterns.Add(pattern)
    patterns.Compile()
    return patterns


@lru_cache(maxsize=1)
def _place_in_json() -> Any:
    return compiled(b"|".join(in_json()))


def may_hold_secret(json_text: bytes) -> bool:
    """False for most JSON; then nothing in it is to be redacted. Reads half a gigabyte a second."""
    if given_texts.are_given() and given_texts.may_be_in(json_text):
        return True
    return not given_texts.are_alone() and _in_json().Match(json_text) is not None


def which_may_hold_secret(json_text: bytes, items: Sequence[bytes]) -> Iterator[int]:
    """The indexes of those of a text's items, in their order in it, that may_hold_secret. The text is read once."""
    if given_texts.are_given():
        yield from (index for index, item in enumerate(items) if may_hold_secret(item))
        return
    search = _place_in_json().search
    place = search(json_text)
    end = 0
    for index, item in enumerate(items):
        if place is None:
            return
        # Nearly always one character behind the one before; to look for a long text costs more than to compare it.
        start = end + 1 if json_text.startswith(item, end + 1) else json_text.find(item, end)
        end = start + len(item)
        if place.start() < end:
            yield index
            place = search(json_text, end)


def warm_up() -> None:
    """Compiles what the first event would wait 50 ms for."""
    may_hold_secret(b"{}")
    list(which_may_hold_secret(b"[]", []))
    redact_text("")


def redact_structs(structs: Sequence[Struct], counts: dict[str, int]) -> None:
    """Redacts them in place; `counts` grows by kind."""
    for start in range(0, len(structs), _ASKED_AT_ONCE):
        group = structs[start : start + _ASKED_AT_ONCE]
        if may_hold_secret(_encode(group)):
            for struct in group:
                if may_hold_secret(_encode(struct)):
                    redact_struct(struct, counts)


def redact_struct(struct: Struct, counts: dict[str, int]) -> None:
    """Redacts every field that can hold text, in place. Text that then exceeds its field's length is cut."""
    cut_at: int | None = getattr(struct, "cut_at", None)
    for name, max_length in text_fields(type(struct)):
        value = getattr(struct, name)
        if cut_at is not None and isinstance(value, str):
            _redact_parts(struct, name, value, cut_at, counts)
            continue
        redacted = redact_value(value, counts)
        if redacted is not value:
            setattr(struct, name, redacted[:max_length] if isinstance(redacted, str) else redacted)


def _redact_parts(struct: Struct, name: str, text: str, cut_at: int, counts: dict[str, int]) -> None:
    """A text with something left out in its middle is two texts, its beginning and its end. `cut_at` stays the place between them."""
    beginning, end = redacted_parts(text, cut_at, counts)
    if (redacted := beginning + end) != text:
        setattr(struct, name, redacted)
        struct.cut_at = len(beginning)  # type: ignore[attr-defined]  # the caller has read it


def redacted_parts(text: str, cut_at: int, counts: dict[str, int]) -> tuple[str, str]:
    """The parts of a text before and behind a place, each without its secrets."""
    beginning, end = _redact_string(text[:cut_at], counts), _redact_string(text[cut_at:], counts)
    return redact_given(beginning, counts, is_cut_behind=True), redact_given(end, counts, is_cut_before=True)


@lru_cache(maxsize=256)
def text_fields(struct_type: type[Struct]) -> tuple[tuple[str, int | None], ...]:
    """The fields of a type that can hold text and are not exempt, each with the most characters it may have."""
    info = inspect.type_info(struct_type)
    assert isinstance(info, inspect.StructType)
    return tuple((field.name, _max_length(field.type)) for field in info.fields if field.name not in EXEMPT and _can_hold_text(field.type))


def _can_hold_text(kind: inspect.Type) -> bool:
    if isinstance(kind, inspect.Metadata):
        return _can_hold_text(kind.type)
    if isinstance(kind, inspect.UnionType):
        return any(map(_can_hold_text, kind.types))
    if isinstance(kind, (inspect.ListType, inspect.SetType, inspect.VarTupleType)):
        return _can_hold_text(kind.item_type)
    if isinstance(kind, inspect.TupleType):
        return any(map(_can_hold_text, kind.item_types))
    if isinstance(kind, inspect.StructType):
        return bool(text_fields(kind.cls))
    return isinstance(kind, (inspect.StrType, inspect.AnyType, inspect.DictType, inspect.RawType))


def _max_length(kind: inspect.Type) -> int | None:
    if isinstance(kind, inspect.Metadata):
        return _max_length(kind.type)
    if isinstance(kind, inspect.UnionType):
        return next((length for length in map(_max_length, kind.types) if length is not None), None)
    return kind.max_length if isinstance(kind, inspect.StrType) else None


def redact_value(value: Any, counts: dict[str, int]) -> Any:
    """A JSON value without its secrets; the same object if it has no secrets."""
    if isinstance(value, str):
        return _redact_string(value, counts)
    if isinstance(value, dict):
        named = _name_of_value(value)
        items = {
            _redact_key(key, counts): _named(named if key in _VALUE_KEYS and named else key, item, counts) for key, item in value.items()
        }
        is_same = all(items.get(key, items) is item for key, item in value.items())
        return value if is_same else items
    if isinstance(value, list):
        redacted = [redact_value(item, counts) for item in value]
        return value if all(new is old for new, old in zip(redacted, value, strict=True)) else redacted
    if isinstance(value, Struct):
        redact_struct(value, counts)
    return value


def _redact_string(text: str, counts: dict[str, int]) -> str:
    """As redact_text. One scan decides that most strings of a doubtful value have nothing to look for."""
    return redact_text(text, counts) if _string_may_hold_secret(text) else text


def _string_may_hold_secret(text: str) -> bool:
    try:
        return may_hold_secret(_encode(text))
    except UnicodeEncodeError:
        # Half a surrogate pair.
        return True


def _redact_key(key: str, counts: dict[str, int]) -> str:
    # Only the rules' judgement of a key is remembered.
    may_hold = _string_may_hold_secret if given_texts.are_given() else _key_may_hold_secret
    is_plain = len(key) <= _MAX_NAME and not may_hold(key)
    return key if is_plain else redact_text(key, counts)


_key_may_hold_secret = lru_cache(_KNOWN_KEYS)(_string_may_hold_secret)


def _name_of_value(value: dict[str, Any]) -> str | None:
    """The name in a pair of a name and a value, if it is the name of a secret."""
    for key in _NAME_KEYS:
        if isinstance(name := value.get(key), str) and len(name) <= _MAX_NAME and is_secret_key(name):
            return name
    return None


def _named(key: str, value: Any, counts: dict[str, int]) -> Any:
    """Redacts the value under a key. Under a secret's name, all text is a secret."""
    if given_texts.are_alone() or not is_secret_key(key):
        return redact_value(value, counts)
    if isinstance(value, list):
        redacted = [_named(key, item, counts) for item in value]
        return value if all(new is old for new, old in zip(redacted, value, strict=True)) else redacted
    if not isinstance(value, str):
        return redact_value(value, counts)
    # A secret with a known form keeps its kind; a word that replaced one stays the same.
    text = _redact_string(value, counts)
    if has_word(text) or is_placeholder(text) or (_is_doubtful(key) and not _looks_secret(key, text)):
        return text
    scheme = next((len(scheme) for scheme in _SCHEMES if text[: len(scheme)].lower() == scheme), 0)
    counts[CREDENTIAL] = counts.get(CREDENTIAL, 0) + 1
    return text[:scheme] + word_of(CREDENTIAL, text[scheme:].encode("utf-8", "surrogatepass")).decode()


def is_secret_key(key: str) -> bool:
    """Whether a key of structured data names a secret, however it is spelled: `apiKey`, `X-Api-Key`, `DB_PASSWORD`; not `max_tokens`, `pageToken`."""
    return _known_key(key) if len(key) <= _MAX_NAME else _names_secret(key)


def _names_secret(key: str) -> bool:
    plain = _plain(key)
    return (plain.endswith(_SECRET_KEY_ENDS) or _is_doubtful(key)) and _harmless_keys().search(key) is None


_known_key = lru_cache(_KNOWN_KEYS)(_names_secret)


def _is_doubtful(key: str) -> bool:
    plain = _plain(key)
    return plain in DOUBTFUL_KEYS or plain.endswith(_DOUBTFUL_KEY_ENDS)


def _looks_secret(key: str, text: str) -> bool:
    if _plain(key).endswith("cookies"):
        return "=" in text and not text.endswith("=")
    shape = "basic" if _plain(key) == "auth" else "quoted"
    return is_secret(shape, key.encode("utf-8", "surrogatepass"), text.encode("utf-8", "surrogatepass"), b"")


def _plain(key: str) -> str:
    return key.lower().replace("_", "").replace("-", "").replace(" ", "")


@lru_cache(maxsize=1)
def _harmless_keys() -> re.Pattern[str]:
    return re.compile(HARMLESS_KEYS.decode())
