"""The status line in a settings file: ours, or ours before the one that is there, which stays in the file as it is, character by character."""

import json
import shlex
from pathlib import Path
from typing import Any, Final

from client.connect.settings import json_text
from client.connect.settings.hook_events import MARK
from client.connect.settings.settings_files import CannotChange

_MEMBER: Final = "statusLine"
_COMMAND: Final = (_MEMBER, "command")
# Goes around another status line: the shell that Claude Code runs it with runs it still, with the same input and exit code. The colon is
# for one that is empty.
_BEGINS, _ENDS = "; fi | {\n:\n", f"\n}} {MARK}"


def status_line_command(script: Path, folder: Path | None) -> str:
    """Ours alone. A script that is gone shows nothing."""
    return f"test ! -r {shlex.quote(str(script))} || exec {_run(script, folder)} {MARK}"


def _run(script: Path, folder: Path | None) -> str:
    return f"/bin/sh {shlex.quote(str(script))}" + ("" if folder is None else f" {shlex.quote(str(folder))}")


def with_status_line(text: str, path: Path, script: Path, folder: Path | None) -> str:
    """The text with our status line, which hands on to the one that is there. Unchanged if it is there already. Raises CannotChange."""
    before = without_status_line(text)
    value = json.loads(before)
    if _MEMBER not in value:
        wanted = {"type": "command", "command": status_line_command(script, folder)}
        return text if json.loads(text).get(_MEMBER) == wanted else json_text.with_entry(before, (), _MEMBER, wanted)
    line = value[_MEMBER]
    if not isinstance(line, dict) or line.get("type") != "command" or not isinstance(line.get("command"), str):
        raise CannotChange(f"{path} has a `{_MEMBER}` that is no command. Nothing was changed; connect without --statusline.")
    keeps = f"if test -r {shlex.quote(str(script))}; then {_run(script, folder)} -- cat; else cat"
    inner = json_text.text_at(before, _COMMAND)[1:-1]
    return json_text.with_text_at(before, _COMMAND, f'"{_escaped(keeps + _BEGINS)}{inner}{_escaped(_ENDS)}"')


def without_status_line(text: str) -> str:
    """The text without our status line, and with the one that it handed on to."""
    value = json.loads(text)
    if not has_own_status_line(value):
        return text
    inner = json_text.text_at(text, _COMMAND)[1:-1]
    _, found, kept = inner.partition(_escaped(_BEGINS))
    if not found:
        return json_text.without_entry(text, (_MEMBER,))
    return json_text.with_text_at(text, _COMMAND, f'"{kept.removesuffix(_escaped(_ENDS))}"')


def has_own_status_line(value: dict[str, Any]) -> bool:
    """Whether the status line of the settings is ours, or begins with ours."""
    line = value.get(_MEMBER)
    return isinstance(line, dict) and str(line.get("command")).endswith(MARK)


def _escaped(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]
