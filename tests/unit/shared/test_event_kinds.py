"""Every kind of event has an entry in the registry, and the entry agrees with the kind's Struct."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from msgspec.structs import fields

from services.worker.persist.records import Record
from shared.events.event_kinds import KINDS, EventKind, identifiers
from shared.events.messages import Activity, Event, SessionStart, ToolCall

REPOSITORY = Path(__file__).parents[3]

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


def matches_over_kinds() -> Iterator[tuple[Path, ast.Match]]:
    """Every `match` of the product with a case for a kind of event, or of a record of an import."""
    names = {kind.__name__ for kind in (*get_args(Event), *get_args(Record))}
    for path in sorted(path for folder in ("services", "shared") for path in (REPOSITORY / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Match):
                classes = [case.pattern.cls for case in node.cases if isinstance(case.pattern, ast.MatchClass)]
                if any(isinstance(each, ast.Name) and each.id in names for each in classes):
                    yield path, node


def test_every_match_over_kinds_ends_in_assert_never() -> None:
    found = list(matches_over_kinds())
    assert len(found) >= 3
    for path, node in found:
        last = node.cases[-1]
        where = f"{path.relative_to(REPOSITORY)}:{node.lineno}"
        assert isinstance(last.pattern, ast.MatchAs), where
        assert last.pattern.pattern is None, where
        assert any(
            isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and part.func.id == "assert_never" for part in ast.walk(last)
        ), where
