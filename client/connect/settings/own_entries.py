"""Our entries in a settings file: put in, and taken out again."""

import json
from collections.abc import Iterator
from typing import Any

from client.connect.settings import json_text
from client.connect.settings.hook_events import is_own
from client.connect.settings.json_text import Path
from client.connect.settings.settings_files import CannotChange, Settings
from client.connect.settings.status_line import without_status_line
from client.connect.settings.telemetry import without_telemetry

Hooks = dict[str, list[dict[str, Any]]]


def with_hooks(settings: Settings, wanted: Hooks) -> str:
    """The text with exactly these hooks of ours, beside all others. Unchanged if they are there already."""
    _check_shape(settings)
    text = settings.text
    if _own_groups(settings.value) == wanted:
        return text
    text = _without_hooks(text)
    for event, groups in wanted.items():
        if "hooks" not in _read(text):
            text = json_text.with_entry(text, (), "hooks", {})
        if event not in _read(text)["hooks"]:
            text = json_text.with_entry(text, ("hooks",), event, groups)
            continue
        for group in groups:
            text = json_text.with_entry(text, ("hooks", event), None, group)
    return text


def without_own(settings: Settings) -> str:
    """The text without anything of ours."""
    return without_status_line(without_telemetry(without_capture(settings)))


def without_capture(settings: Settings) -> str:
    """The text without hooks of ours."""
    return _without_hooks(settings.text)


def has_own(settings: Settings) -> bool:
    """Whether anything of ours is in it."""
    return without_own(settings) != settings.text


def has_own_hooks(settings: Settings) -> bool:
    """Whether hooks of ours are in it, of this version or an older one."""
    return any(True for _ in _own_hooks(settings.value))


def own_hooks_of(settings: Settings) -> Hooks:
    """The groups with hooks of ours, for each event that has any."""
    return _own_groups(settings.value)


def _check_shape(settings: Settings) -> None:
    """Raises CannotChange where Claude Code expects something else than what is there."""
    hooks = settings.value.get("hooks", {})
    wrong = [member for member in ("hooks", "env") if not isinstance(settings.value.get(member, {}), dict)]
    wrong += [f"hooks.{event}" for event, groups in hooks.items() if not isinstance(groups, list)] if not wrong else []
    if wrong:
        raise CannotChange(
            f"{settings.path} has a member `{wrong[0]}` of another shape than Claude Code reads. Nothing was changed; "
            "repair it, and try again."
        )


def _read(text: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(text)
    return value


def _own_groups(value: dict[str, Any]) -> Hooks:
    """For each event the groups that hold hooks of ours."""
    hooks = value.get("hooks")
    if not isinstance(hooks, dict):
        return {}
    found = {
        event: [group for group in groups if isinstance(group, dict) and any(map(is_own, _hooks_of(group)))]
        for event, groups in hooks.items()
        if isinstance(groups, list)
    }
    return {event: groups for event, groups in found.items() if groups}


def _hooks_of(group: object) -> list[Any]:
    hooks = group.get("hooks") if isinstance(group, dict) else None
    return hooks if isinstance(hooks, list) else []


def _own_hooks(value: dict[str, Any]) -> Iterator[Path]:
    """Where our hooks are."""
    hooks = value.get("hooks")
    for event, groups in hooks.items() if isinstance(hooks, dict) else ():
        for place, group in enumerate(groups if isinstance(groups, list) else ()):
            for number, hook in enumerate(_hooks_of(group)):
                if is_own(hook):
                    yield ("hooks", event, place, "hooks", number)


def _without_hooks(text: str) -> str:
    """The text without our hooks, and without the lists and objects that they alone filled."""
    while (path := next(_own_hooks(_read(text)), None)) is not None:
        _, event, place, _, number = path
        groups = _read(text)["hooks"][event]
        if len(groups[place]["hooks"]) > 1:
            text = json_text.without_entry(text, ("hooks", event, place, "hooks", number))
        elif len(groups) > 1:
            text = json_text.without_entry(text, ("hooks", event, place))
        else:
            text = _without_member(text, "hooks", str(event))
    return text


def _without_member(text: str, member: str, key: str) -> str:
    """Without the key; without the whole member if it held nothing else."""
    path: Path = (member, key) if len(_read(text)[member]) > 1 else (member,)
    return json_text.without_entry(text, path)
