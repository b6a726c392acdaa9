"""Messages of msgspec on a value that does not fit, in words that a person understands."""

import re
from collections.abc import Callable
from typing import Final

_AT: Final = re.compile(r" - at `\$\.?(?P<field>.*)`$", re.DOTALL)
_MEMBERS: Final = {
    re.compile(r"Object missing required field `(?P<name>.*)`", re.DOTALL): "is required",
    re.compile(r"Object contains unknown field `(?P<name>.*)`", re.DOTALL): "is not known here",
}
_TYPES: Final = {
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
    "datetime": "a time, as 2026-05-02T10:00:00Z",
    "date": "a day, as 2026-05-02",
    "uuid": "a UUID",
    "null": "null",
}
_UNITS: Final = {"str": "character", "array": "item", "object": "field", "bytes": "byte"}
_BOUNDS: Final = {">=": "at least", "<=": "at most", ">": "more than", "<": "less than"}


def _types(names: str) -> str:
    """`int | null` → "a whole number or null"."""
    return " or ".join(_TYPES.get(name, name) for name in names.split(" | "))


def _length(found: re.Match[str]) -> str:
    number, unit = int(found["number"]), _UNITS[found["type"]]
    return f"must have {_BOUNDS[found['bound']]} {number:,} {unit if number == 1 else f'{unit}s'}"


def _bound(found: re.Match[str]) -> str:
    return f"must be {_types(found['type'])}, {_BOUNDS[found['bound']]} {found['number'].removesuffix('.0')}"


# An unlisted reason stays in the words of msgspec: a refusal without a reason is worse.
_SENTENCES: Final[tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...]] = (
    (re.compile(r"Expected `(?P<type>str|array|object|bytes)` of length (?P<bound>[<>]=) (?P<number>\d+)"), _length),
    (re.compile(r"Expected `(?P<type>int|float)` (?P<bound>[<>]=?) (?P<number>\S+)"), _bound),
    (re.compile(r"Expected `([^`]+)`, got `([^`]+)`"), lambda found: f"must be {_types(found[1])}, not {_types(found[2])}"),
    (re.compile(r"Expected `str` matching regex '(.*)'", re.DOTALL), lambda found: f"must have the form {found[1]}"),
    (re.compile(r"Expected `([^`]+)`"), lambda found: f"must be {_types(found[1])}"),
    (re.compile(r"Invalid RFC3339 encoded (datetime|date)"), lambda found: f"must be {_types(found[1])}"),
    (re.compile(r"Invalid UUID"), lambda _: "must be a UUID, as 01a2f8de-63b4-4f2d-9d0f-2b6c3f0f8f11"),
    (re.compile(r"(?:Integer value|Number) out of range"), lambda _: "is a number that is too large"),
)


def field_and_reason(problem: str) -> tuple[str, str]:
    """Splits msgspec's sentence into the path of the field, empty for the whole value, and the reason.

    "Expected `str` of length >= 6 - at `$.texts[0]`" → ("texts[0]", "must have at least 6 characters").
    """
    at = _AT.search(problem)
    field, reason = (at["field"], problem[: at.start()]) if at else ("", problem)
    for pattern, said in _MEMBERS.items():
        if member := pattern.fullmatch(reason):
            return ".".join(filter(None, (field, member["name"]))), said
    for pattern, words in _SENTENCES:
        if found := pattern.fullmatch(reason):
            return field, words(found)
    return field, reason
