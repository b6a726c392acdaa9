"""Answers for keys that may see only numbers: every text that is not listed here becomes null.

The answer is read by its type (answers/). Numbers, times and the words of a Literal are shown, since they cannot hold a user's text.
A text is shown only if its field is listed: in SHOWN_TEXTS for the scopes `metrics` and `numbers`, in SHOWN_NAMES for `numbers` alone.
A field that no answer describes is null, so a new field is hidden until it is listed.
"""

import re
from collections.abc import Mapping
from datetime import date, datetime
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin
from uuid import UUID

import msgspec

from services.query.answers.advice import AdviceKind, AdviceLine, EffortMeasures
from services.query.answers.answer import Answer, annotations_of, value_type
from services.query.answers.days import DayFailure, DayProject, DaySession
from services.query.answers.lists import Project, ProjectPart
from services.query.answers.live import LiveItem, LiveSession, LiveSessions
from services.query.answers.operations import Me, OwnKey, UnpricedModel
from services.query.answers.stats import CallPoint, ErrorCount, Point, Tool, UsageItem, UsageRange, UsageReport, UserShare
from services.query.queries.lists.machines import Machine, MachinePage
from services.query.queries.lists.prices import ModelPrice
from services.query.queries.lists.users import User, UserPage
from services.query.queries.stats.comparison import ChangeOfGroup, Comparison
from services.query.queries.stats.quota import Quota, QuotaWindow
from services.query.queries.stats.tool_errors import FailedPoint, FailedTool
from services.query.queries.stats.usage_blocks import UsageBlock, UsageBlockPage

Fields = frozenset[tuple[type[Answer], str]]

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
        # Sentences of numbers, with names of users and classes of errors.
        (AdviceKind, "heading"),
        (AdviceKind, "counted"),
        (AdviceKind, "act"),
        (AdviceLine, "sentence"),
        (EffortMeasures, "of"),
        (UsageRange, "tz"),
        (QuotaWindow, "account"),
        (QuotaWindow, "users"),
        (QuotaWindow, "kind"),
        (Quota, "decided_by"),
        (Point, "date"),
        (CallPoint, "date"),
        (FailedPoint, "date"),
        (UsageItem, "model"),
        (UsageItem, "user"),
        (UsageItem, "month"),
        (UsageReport, "group_by"),
        (UsageBlock, "models"),
        (UsageBlockPage, "about"),
        # It holds an hour.
        (UsageBlockPage, "next_cursor"),
        (Comparison, "group_by"),
        (ChangeOfGroup, "user"),
        (ChangeOfGroup, "model"),
        (ChangeOfGroup, "tool_name"),
        (ChangeOfGroup, "error_class"),
        (UsageReport, "price_versions"),
        (ModelPrice, "model"),
        (UnpricedModel, "model"),
        (ModelPrice, "version"),
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
        (OwnKey, "users"),
    }
)

# Names of projects and machines, with the versions and the user of a machine. Titles, branches and ids of sessions stay hidden: a client may put any text into them.
SHOWN_NAMES: Final[Fields] = frozenset(
    {
        (Project, "name"),
        (Project, "group"),
        (Project, "repository"),
        (ProjectPart, "name"),
        (DayProject, "project_name"),
        (DaySession, "project_name"),
        (UsageItem, "project_name"),
        (ChangeOfGroup, "project_name"),
        (ChangeOfGroup, "machine_id"),
        (ChangeOfGroup, "machine"),
        (UsageItem, "machine_id"),
        (UsageItem, "machine"),
        (UsageItem, "group"),
        (UsageItem, "repository"),
        (ChangeOfGroup, "group"),
        (ChangeOfGroup, "repository"),
        (Machine, "machine_id"),
        (Machine, "name"),
        (Machine, "user"),
        (Machine, "tracker_version"),
        (Machine, "claude_version"),
        (Machine, "os"),
        (MachinePage, "next_cursor"),
        (LiveItem, "project_name"),
        (LiveItem, "machine_id"),
        (QuotaWindow, "machine_id"),
        (LiveSession, "project_name"),
        (LiveSession, "machine_id"),
    }
)

_TIME: Final = re.compile(r"[0-9][0-9T:.+Z-]*")


def numbers_only(content: Any, kind: Any, *, names: bool = False) -> Any:
    """A copy of an answer, or of a list of them, without texts; with `names`, names of projects stay.

    `kind` is the answer's type, as the route's response_model tells it; without one nothing is shown.
    """
    plain = msgspec.to_builtins(content, builtin_types=(date, datetime, UUID))
    return _shown(plain, kind, SHOWN_TEXTS | SHOWN_NAMES if names else SHOWN_TEXTS, texts=False)


def is_shown(answer: type[Answer], field: str, listed: Fields = SHOWN_TEXTS) -> bool:
    """Whether a text in this field of this answer is shown. An answer inherits the listed fields of its base classes."""
    return any((base, field) in listed for base in answer.__mro__)


def _shown(value: Any, kind: Any, listed: Fields, *, texts: bool) -> Any:
    origin = get_origin(kind)
    if origin is Annotated:
        return _shown(value, get_args(kind)[0], listed, texts=texts)
    if origin in (Union, UnionType):
        # The first variant that shows it; one that does not fit gives null.
        shown = (_shown(value, each, listed, texts=texts) for each in get_args(kind) if each is not NoneType)
        return next((each for each in shown if each is not None), None)
    if isinstance(value, list) and origin is list:
        return [_shown(item, get_args(kind)[0], listed, texts=texts) for item in value]
    if isinstance(value, Mapping) and isinstance(kind, type) and issubclass(kind, Answer):
        return {name: _of_field(each, kind, name, listed) for name, each in value.items()}
    return value if _is_plain(value, kind, texts=texts) else None


def _of_field(value: Any, answer: type[Answer], name: str, listed: Fields) -> Any:
    annotation = annotations_of(answer).get(name)
    return None if annotation is None else _shown(value, value_type(annotation), listed, texts=is_shown(answer, name, listed))


def _is_plain(value: Any, kind: Any, *, texts: bool) -> bool:
    """Whether the value fits the type, and either cannot hold a text or is a text that may be shown here."""
    if get_origin(kind) is Literal:
        return value in get_args(kind)
    if kind in (int, float, bool):
        return isinstance(value, int | float)
    if kind in (datetime, date):
        return isinstance(value, date) or (isinstance(value, str) and _TIME.fullmatch(value) is not None)
    return texts and kind is str and isinstance(value, str)
