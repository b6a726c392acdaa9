"""Every kind of event has an entry in the registry, and the entry agrees with the kind's Struct."""

from typing import get_args

import pytest
from msgspec.structs import fields

from shared.event_kinds import KINDS, EventKind, identifiers
from shared.messages import Activity, Event, SessionStart, ToolCall

each_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.tag)


def test_every_member_of_the_union_has_an_entry_and_no_other() -> None:
    assert set(KINDS) == set(get_args(Event))
    assert all(kind.struct is struct for struct, kind in KINDS.items())


def test_no_two_kinds_share_a_tag() -> None:
    assert len({kind.tag for kind in KINDS.values()}) == len(KINDS)


@each_kind
def test_the_fields_that_an_entry_names_are_fields_of_its_struct(kind: EventKind) -> None:
    names = {field.name for field in fields(kind.struct)}
    named = {kind.time_field, *(path.partition(".")[0] for path in kind.most), *([kind.user_field] if kind.user_field else [])}
    assert named <= names
    assert {"id", "session_id", "source"} <= names


@each_kind
def test_an_entry_names_the_user_field_of_every_struct_that_has_one(kind: EventKind) -> None:
    # Without it a key that is bound to a user could write events of another.
    assert kind.user_field == ("user" if "user" in {field.name for field in fields(kind.struct)} else None)


@each_kind
def test_a_count_that_is_left_out_has_a_default(kind: EventKind) -> None:
    defaults = {field.name: field.default for field in fields(kind.struct)}
    assert all(defaults[path.partition(".")[0]] in (0, None) for path in kind.most)


def test_identifiers_are_the_fields_that_name_something() -> None:
    assert identifiers(ToolCall) == ("tool_name", "session_id", "user")
    assert identifiers(SessionStart) == ("user", "session_id")
    assert identifiers(Activity) == ("session_id",)
