"""Decodes and checks events: bytes to Structs. The later steps and the worker can process every event that it returns."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeVar
from uuid import UUID

import msgspec
import msgspec.inspect as inspected

from services.ingest.events.ignored_fields import ignored_in_batch
from services.ingest.http import json_limits
from shared.events.event_kinds import KINDS, identifiers
from shared.events.messages import Conversation, Event, SessionStart, has_control_characters
from shared.events.plausible import EARLIEST_EVENT, MAX_AHEAD, objection_to_time, time_field, too_large
from shared.events.project_paths import InvalidPath, normalize_project_path
from shared.http.errors import ApiError, BadRequest, PayloadTooLarge, invalid
from shared.schema_words import field_and_reason

_NAME: Final = re.compile(r"[^.\[\]]+")
_ITEM: Final = re.compile(r"[0-9]+|\.\.\.")


def allowed_values(body: Any, field: str) -> list[str]:
    """The values that a field may have; empty: any. `field`: as msgspec names it, `usage.model` or `scopes[1]`.

    Errors name these, since the value that was sent may be a secret.
    """
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


MAX_SINGLE_BYTES: Final = 1024**2
MAX_BATCH_BYTES: Final = 16 * 1024**2
MAX_BATCH_ITEMS: Final = 10_000

_DECODERS: Final[dict[type, msgspec.json.Decoder[Any]]] = {struct: msgspec.json.Decoder(struct) for struct in KINDS}
_ANY_EVENT: Final = msgspec.json.Decoder(Event)
_ITEMS: Final = msgspec.json.Decoder(list[msgspec.Raw])
_ANYTHING: Final[msgspec.json.Decoder[Any]] = msgspec.json.Decoder()
_WELL_FORMED: Final = msgspec.json.Decoder(msgspec.Raw)

# Fields that have counts of their own, as `usage` has.
_PARTS: Final = frozenset(path.partition(".")[0] for kind in KINDS.values() for path in kind.most if "." in path)
_IDENTIFIERS: Final = {struct: identifiers(struct) for struct in KINDS}

E = TypeVar("E", bound=Event)
T = TypeVar("T")

_QUOTING: Final = ("Invalid enum value", "Invalid value")


class Batch(NamedTuple):
    """A batch's JSON text, its items as they are in the text, and for each item the event or the error. `ignored`: fields that no event has."""

    text: bytes
    items: list[bytes]
    events: list[Event | ApiError]
    ignored: list[str]


def decode_event(body: bytes, struct: type[E], now: datetime) -> E:
    """Decodes the event of a body. Fills in a missing time; normalizes times and paths.

    BadRequest INVALID_JSON if the body is not JSON, VALIDATION_ERROR with `{"field.path": reason}` if the event is not valid.
    """
    json_limits.check_text(body)
    decoder: msgspec.json.Decoder[E] = _DECODERS[struct]
    return _checked(json_limits.storable(body), decoder, now)


def decode_batch(body: bytes, is_lines: bool, now: datetime) -> Batch:
    """The items of a JSON array or of NDJSON.

    BadRequest if the body has no items that can be separated; PayloadTooLarge for more than MAX_BATCH_ITEMS.
    """
    json_limits.check_text(body)
    text = json_limits.storable(body)
    items = json_limits.lines_of(text) if is_lines else parse(text, _ITEMS)
    # Checked once for the whole text: most batches have none, so their items need not be searched.
    has_huge_numbers = json_limits.may_have_huge_number(text)
    if len(items) > MAX_BATCH_ITEMS:
        raise PayloadTooLarge(f"A batch takes up to {MAX_BATCH_ITEMS} items, this one has {len(items)}; send it in parts.")
    # Only now: an item that is a part of the text costs less than one of its own.
    items = [bytes(item) for item in items]
    events = [_event_or_error(item, now, has_huge_numbers) for item in items]
    decoded = ((item, type(event)) for item, event in zip(items, events, strict=True) if not isinstance(event, ApiError))
    return Batch(text, items, events, ignored_in_batch(text, is_lines, decoded))


def _event_or_error(item: bytes, now: datetime, has_huge_numbers: bool) -> Event | ApiError:
    try:
        event: Event = _checked(item, _ANY_EVENT, now, has_huge_numbers)
    except ApiError as error:
        return error
    return event


def _checked(text: bytes, decoder: msgspec.json.Decoder[E], now: datetime, has_huge_numbers: bool = True) -> E:
    event = parse(text, decoder)
    if json_limits.may_be_too_deep(text):
        json_limits.check_depth(text)
    if has_huge_numbers:
        json_limits.check_numbers(text)
    _complete(event, now)
    return event


def parse(text: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    """The decoded body. BadRequest INVALID_JSON, or VALIDATION_ERROR with the first field that does not fit."""
    try:
        return decoder.decode(text)
    except msgspec.ValidationError as error:
        # msgspec stops at the first field that does not fit. If the rest is not JSON, that is the error to report.
        parse(text, _WELL_FORMED)
        if "`int" in str(error) and "got `float`" in str(error) and (whole := _with_integers(text)) != text:
            return parse(whole, decoder)
        raise _not_the_schema(str(error), decoder.type) from error
    except RecursionError as error:
        raise json_limits.too_deep() from error
    except (msgspec.DecodeError, ValueError) as error:
        # ValueError: an integer of more than 4,300 digits.
        reason = str(error) if text else "the body is empty"
        raise BadRequest(f"This is not JSON: {reason}", code="INVALID_JSON") from error


def _with_integers(text: bytes) -> bytes:
    """Turns 10.0 into 10 in integer fields, since JSON has one kind of number. Leaves `parameters` alone: they are returned as sent."""
    json_limits.check_depth(text)
    json_limits.check_numbers(text)
    fields = parse(text, _ANYTHING)
    for holder in (fields, *map(fields.get, _PARTS)):
        if isinstance(holder, dict):
            holder |= {name: int(value) for name, value in holder.items() if isinstance(value, float) and _is_whole(value)}
    return msgspec.json.encode(fields)


def _is_whole(value: float) -> bool:
    return value.is_integer() and abs(value) <= 2**53


def _not_the_schema(problem: str, body: Any) -> BadRequest:
    """msgspec's sentence as a 400. "Expected `int`, got `str` - at `$.usage.input_tokens`" → usage.input_tokens: must be a whole number, not a text."""
    field, reason = field_and_reason(problem)
    if reason.startswith(_QUOTING):
        reason = f"must be one of {', '.join(values)}" if (values := allowed_values(body, field)) else "is none of the allowed values"
    return invalid(field or "body", reason)


def check_identifier(value: str | None, field: str) -> None:
    """BadRequest for control characters: in lists, logs and line-based files two identifiers would look like one, or one like two.

    Checked in requests only. Events that were accepted before this check existed are stored all the same.
    """
    if value is not None and has_control_characters(value):
        raise invalid(field, "must not have control characters, a line feed for instance")


def _complete(event: Event, now: datetime) -> None:
    struct = type(event)
    for name in _IDENTIFIERS[struct]:
        check_identifier(getattr(event, name), name)
    field = time_field(struct)
    time: datetime | None = getattr(event, field)
    if time is None:
        setattr(event, field, now)
    elif time.tzinfo is not UTC or not EARLIEST_EVENT <= time <= now + MAX_AHEAD:
        setattr(event, field, _utc(time, field, now))
    for excess in too_large(event):
        raise invalid(excess.path, f"is more than the {excess.most:,} that can be true of one event; check what the client counts")
    if isinstance(event, Conversation) and (not event.content or event.content.isspace()):
        raise invalid("content", "must not be empty or blank; leave out a message without text")
    if isinstance(event, SessionStart):
        try:
            event.project_path = normalize_project_path(event.project_path)
        except InvalidPath as error:
            raise invalid("project_path", str(error)) from error


def _utc(time: datetime, field: str, now: datetime) -> datetime:
    aware = time if time.tzinfo else time.replace(tzinfo=UTC)
    if problem := objection_to_time(aware, now):
        raise invalid(field, problem)
    return aware.astimezone(UTC)


def time_of(event: Event) -> datetime:
    """When a decoded event happened."""
    time: datetime = getattr(event, time_field(type(event)))
    return time


def is_lines(body: bytes, media_type: bytes) -> bool:
    """Whether a batch is NDJSON: by its media type, or since it begins with an object instead of an array."""
    return media_type.endswith(b"/x-ndjson") or body.lstrip()[:1] == b"{"


def event_id(event: Event) -> UUID:
    """The id of an event that is decoded and has got its id."""
    assert event.id is not None
    return event.id
