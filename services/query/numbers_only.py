"""Answers for keys that may see only numbers: every text that is not listed here becomes null.

The answer is read by its model (schemas/). Numbers, times and the words of a Literal are shown, since they cannot hold a user's text.
A text is shown only if SHOWN_TEXTS lists its field. What no model describes is null, so a new field is hidden until it is listed.
"""

import re
from collections.abc import Mapping
from datetime import date, datetime
from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from services.query.schemas.stats import Tool, Usage, UsageItem, UsageRange, UserShare

# Names of tools, models, users, time zones and price lists: no text, no path, no name of a project.
SHOWN_TEXTS: Final[frozenset[tuple[type[BaseModel], str]]] = frozenset(
    {
        (Tool, "tool_name"),
        (UserShare, "user"),
        (UsageRange, "tz"),
        (UsageItem, "model"),
        (UsageItem, "user"),
        (Usage, "price_versions"),
    }
)

_TIME: Final = re.compile(r"[0-9][0-9T:.+Z-]*")


def numbers_only(content: Any, model: Any) -> Any:
    """A copy of an answer without texts. `model` is the route's response_model; without one nothing is shown."""
    return _shown(content, model, texts=False)


def is_shown(model: type[BaseModel], field: str) -> bool:
    """Whether a text in this field of this model is shown. A model has what the models have that it is made from."""
    return any((base, field) in SHOWN_TEXTS for base in model.__mro__)


def _shown(value: Any, kind: Any, *, texts: bool) -> Any:
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        # The first variant that shows it; one that does not fit gives null.
        shown = (_shown(value, each, texts=texts) for each in get_args(kind) if each is not NoneType)
        return next((each for each in shown if each is not None), None)
    if isinstance(value, list) and origin is list:
        return [_shown(item, get_args(kind)[0], texts=texts) for item in value]
    if isinstance(value, Mapping) and isinstance(kind, type) and issubclass(kind, BaseModel):
        return {name: _of_field(each, kind, name) for name, each in value.items()}
    return value if _is_plain(value, kind, texts=texts) else None


def _of_field(value: Any, model: type[BaseModel], name: str) -> Any:
    field = model.model_fields.get(name)
    return None if field is None else _shown(value, field.annotation, texts=is_shown(model, name))


def _is_plain(value: Any, kind: Any, *, texts: bool) -> bool:
    """Whether it is what the model says, and that cannot hold a text, or may be one here."""
    if get_origin(kind) is Literal:
        return value in get_args(kind)
    if kind in (int, float, bool):
        return isinstance(value, int | float)
    if kind in (datetime, date):
        return isinstance(value, date) or (isinstance(value, str) and _TIME.fullmatch(value) is not None)
    return texts and kind is str and isinstance(value, str)
