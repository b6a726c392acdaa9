"""Answers for keys that may see only numbers: every text that is not listed here becomes null.

The answer is read by its model (schemas/). Numbers, times and the words of a Literal are shown, since they cannot hold a user's text.
A text is shown only if its field is listed: in SHOWN_TEXTS for the scopes `metrics` and `numbers`, in SHOWN_NAMES for `numbers` alone.
A field that no model describes is null, so a new field is hidden until it is listed.
"""

import re
from collections.abc import Mapping
from datetime import date, datetime
from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from services.query.schemas.days import DayFailure, DayProject, DaySession
from services.query.schemas.lists import Project
from services.query.schemas.live import LiveItem, LiveSession, LiveSessions
from services.query.schemas.machines import Machine, MachinePage
from services.query.schemas.operations import Me, OwnKey
from services.query.schemas.stats import CallPoint, ErrorCount, Point, Tool, UsageItem, UsageRange, UsageReport, UserShare
from services.query.schemas.tool_errors import FailedPoint, FailedTool
from services.query.schemas.users import User, UserPage

Fields = frozenset[tuple[type[BaseModel], str]]

# Names of tools, models, users, time zones and price lists, dates, settings, and the key itself: no text, no path, no name of a project.
SHOWN_TEXTS: Final[Fields] = frozenset(
    {
        (Tool, "tool_name"),
        (FailedTool, "tool_name"),
        (ErrorCount, "error_class"),
        (DayFailure, "tool_name"),
        (DayFailure, "error_class"),
        (DaySession, "user"),
        (DaySession, "model"),
        (UserShare, "user"),
        (User, "name"),
        # A cursor holds the last name of its page.
        (UserPage, "next_cursor"),
        (UsageRange, "tz"),
        (Point, "date"),
        (CallPoint, "date"),
        (FailedPoint, "date"),
        (UsageItem, "model"),
        (UsageItem, "user"),
        (UsageItem, "month"),
        (UsageReport, "group_by"),
        (UsageReport, "price_versions"),
        (LiveItem, "tool_name"),
        (LiveItem, "running_tool"),
        (LiveItem, "model"),
        (LiveItem, "user"),
        (LiveSession, "tool_name"),
        (LiveSession, "model"),
        (LiveSession, "user"),
        (LiveSessions, "last_event_id"),
        (Me, "version"),
        (Me, "timezone"),
        (Me, "flower"),
        (OwnKey, "key_id"),
        (OwnKey, "name"),
        (OwnKey, "user"),
    }
)

# Names of projects and machines, with the versions and the user of a machine. Titles, branches and ids of sessions stay hidden: a client may put any text into them.
SHOWN_NAMES: Final[Fields] = frozenset(
    {
        (Project, "name"),
        (DayProject, "project_name"),
        (DaySession, "project_name"),
        (UsageItem, "project_name"),
        (UsageItem, "machine_id"),
        (UsageItem, "machine"),
        (Machine, "machine_id"),
        (Machine, "name"),
        (Machine, "user"),
        (Machine, "tracker_version"),
        (Machine, "claude_version"),
        (Machine, "os"),
        (MachinePage, "next_cursor"),
        (LiveItem, "project_name"),
        (LiveItem, "machine_id"),
        (LiveSession, "project_name"),
        (LiveSession, "machine_id"),
    }
)

_TIME: Final = re.compile(r"[0-9][0-9T:.+Z-]*")


def numbers_only(content: Any, model: Any, *, names: bool = False) -> Any:
    """A copy of an answer without texts; with `names`, names of projects stay. `model` is the route's response_model; without one nothing is shown."""
    return _shown(content, model, SHOWN_TEXTS | SHOWN_NAMES if names else SHOWN_TEXTS, texts=False)


def is_shown(model: type[BaseModel], field: str, listed: Fields = SHOWN_TEXTS) -> bool:
    """Whether a text in this field of this model is shown. A model inherits the listed fields of its base models."""
    return any((base, field) in listed for base in model.__mro__)


def _shown(value: Any, kind: Any, listed: Fields, *, texts: bool) -> Any:
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        # The first variant that shows it; one that does not fit gives null.
        shown = (_shown(value, each, listed, texts=texts) for each in get_args(kind) if each is not NoneType)
        return next((each for each in shown if each is not None), None)
    if isinstance(value, list) and origin is list:
        return [_shown(item, get_args(kind)[0], listed, texts=texts) for item in value]
    if isinstance(value, Mapping) and isinstance(kind, type) and issubclass(kind, BaseModel):
        return {name: _of_field(each, kind, name, listed) for name, each in value.items()}
    return value if _is_plain(value, kind, texts=texts) else None


def _of_field(value: Any, model: type[BaseModel], name: str, listed: Fields) -> Any:
    field = model.model_fields.get(name)
    return None if field is None else _shown(value, field.annotation, listed, texts=is_shown(model, name, listed))


def _is_plain(value: Any, kind: Any, *, texts: bool) -> bool:
    """Whether the value fits the model's type, and either cannot hold a text or is a text that may be shown here."""
    if get_origin(kind) is Literal:
        return value in get_args(kind)
    if kind in (int, float, bool):
        return isinstance(value, int | float)
    if kind in (datetime, date):
        return isinstance(value, date) or (isinstance(value, str) and _TIME.fullmatch(value) is not None)
    return texts and kind is str and isinstance(value, str)
