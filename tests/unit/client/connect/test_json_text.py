"""Edits of JSON text: every other character stays."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.connect.settings.hook_events import hooks_of, shell_hook
from client.connect.settings.json_text import NotJson, parse, with_entry, without_entry
from client.connect.settings.own_entries import with_hooks, without_own
from client.connect.settings.settings_files import Settings
from tests.unit.client.connect.settings_given import VERSION

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=10)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3))
GROUPS = st.lists(st.fixed_dictionaries({"hooks": st.just([{"type": "command", "command": "/usr/bin/check"}])}), min_size=1, max_size=2)
HOOKS = st.dictionaries(st.sampled_from(["Stop", "PreToolUse", "PermissionRequest"]), GROUPS, min_size=1, max_size=3)
OBJECTS = st.dictionaries(st.text(max_size=5), VALUES, max_size=3).filter(lambda value: not {"hooks", "env"} & value.keys())


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Settings as a person or a program may have written them."""
    value: dict[str, Any] = draw(OBJECTS)
    if draw(st.booleans()):
        value = {**value, "hooks": draw(HOOKS)}
    text = json.dumps(value, indent=draw(st.sampled_from([None, 0, 1, 2, 4, "\t"])), ensure_ascii=draw(st.booleans()))
    return text.replace("\n", draw(st.sampled_from(["\n", "\r\n"]))) + draw(st.sampled_from(["", "\n"]))


def settings(text: str) -> Settings:
    return Settings(Path("settings.json"), text.encode("utf-8", "surrogatepass"), text, json.loads(text))


@given(texts())
def test_what_is_put_in_can_be_taken_out_without_a_trace(text: str) -> None:
    hooks = hooks_of(shell_hook("sh hook.sh # claude-code-tracker"), VERSION)
    with_ours = with_hooks(settings(text), hooks)
    assert {event: groups[-1:] for event, groups in json.loads(with_ours)["hooks"].items() if event in hooks} == hooks
    assert with_hooks(settings(with_ours), hooks) == with_ours
    assert without_own(settings(with_ours)) == text


@given(st.text(max_size=30))
def test_only_json_is_accepted(text: str) -> None:
    try:
        json.loads(text, parse_constant=lambda _: 1 / 0)
        is_json = not text.startswith("\ufeff")
    except (ValueError, ZeroDivisionError):
        is_json = False
    if is_json:
        parse(text)
    else:
        with pytest.raises(NotJson):
            parse(text)


def test_the_last_of_equal_members_is_changed() -> None:
    assert with_entry('{"a": {"x": 1}, "a": {}}', ("a",), "y", 2) == '{"a": {"x": 1}, "a": {\n  "y": 2\n}}'


def test_an_entry_is_removed_with_its_comma() -> None:
    text = '{\n  "a": 1,\n  "b": [1, 2, 3],\n  "c": 3\n}'
    assert without_entry(text, ("a",)) == '{\n  "b": [1, 2, 3],\n  "c": 3\n}'
    assert without_entry(text, ("b", 0)) == '{\n  "a": 1,\n  "b": [2, 3],\n  "c": 3\n}'
    assert without_entry(text, ("b", 2)) == '{\n  "a": 1,\n  "b": [1, 2],\n  "c": 3\n}'
    assert without_entry(text, ("c",)) == '{\n  "a": 1,\n  "b": [1, 2, 3]\n}'
    assert without_entry('{"a": 1}', ("a",)) == "{}"
