"""Which events of Claude Code call the hook, and the entry that the settings have for each."""

import re
import shlex
from pathlib import Path
from typing import Any, Final, Literal

Version = tuple[int, int, int]
Hook = dict[str, Any]
HookSet = Literal["all", "few"]
HOOK_SETS: Final[tuple[HookSet, ...]] = ("few", "all")

# Claude Code waits for the hook. It costs about a millisecond; five seconds are for an overloaded machine.
TIMEOUT_SECONDS: Final = 5
# A comment for the shell, by which `tracker` knows its own entries wherever the folder lies; and how else they may look.
MARK: Final = "# claude-code-tracker"
_WINDOWS_ARGUMENTS: Final = ["-P", "-m", "client", "hook"]
_SCRIPT: Final = ".claude-tracker/hook.sh"

# The event, and the first version that surely knows it. Each event is here because its payload is stored, or because a session's state changes
# with it.
EVENTS: Final[dict[str, Version]] = {
    "SessionStart": (1, 0, 62),  # start, its source and model
    "SessionEnd": (1, 0, 85),  # end and its reason
    "UserPromptSubmit": (1, 0, 54),  # the prompt, before the transcript has it
    "PreToolUse": (1, 0, 38),  # a call has begun
    "PostToolUse": (1, 0, 38),  # it has succeeded
    "Stop": (1, 0, 38),  # the turn is over: waiting for input
    "SubagentStop": (1, 0, 41),  # names the subagent's transcript
    "Notification": (1, 0, 38),  # waiting for permission or for input
    "SubagentStart": (2, 0, 43),
    "PostToolUseFailure": (2, 1, 119),  # a call has failed
    "Elicitation": (2, 1, 76),  # an MCP server waits for an answer
    "ElicitationResult": (2, 1, 76),
    "StopFailure": (2, 1, 78),  # the API failed: state error
    "CwdChanged": (2, 1, 83),
    "PermissionDenied": (2, 1, 89),  # a call that never ran
    "PostToolBatch": (2, 1, 197),  # the one event that shows calls the user refused
    "PostModelSwitch": (2, 1, 280),
}

# Never registered, and why.
LEFT_OUT: Final[dict[str, str]] = {
    "PermissionRequest": "any hook for it can deny: over HTTP it fails closed, and remote control denies with a silent one",
    "MessageDisplay": "fires for every piece of an answer",
    "WorktreeCreate": "a hook for it replaces what Claude Code does itself",
    "WorktreeRemove": "belongs to WorktreeCreate",
    "FileChanged": "needs a list of files to watch; edits come from the tools",
    "ConfigChange": "a hook for it can block a change of settings",
    "PreCompact": "Claude Code prints the command of each hook for it into the chat; the transcript has the compaction",
    "PostCompact": "as PreCompact; the transcript has the summary",
    "InstructionsLoaded": "fires for every file of instructions; nothing of it is stored",
    "UserPromptExpansion": "UserPromptSubmit has the prompt",
    "DirectoryAdded": "nothing of it is stored",
    "Setup": "no session",
    "TaskCreated": "the transcript has the call that made the task",
    "TaskCompleted": "the transcript has the call that ended the task",
    "TeammateIdle": "nothing of it is stored",
    "PreModelSwitch": "PostModelSwitch has the model",
    "PreSkillShellCommand": "a command that a skill brings with it; a hook for it can keep it from running",
}

# Those of `--hooks few`: none of them fires for a tool call. The others' content comes from elsewhere (ADR 97).
FEW: Final = ("SessionStart", "SessionEnd", "UserPromptSubmit", "Stop", "Notification", "StopFailure")
# How long sessions of ten calls take, as docs/how-to/connect.md has it: with telemetry and the tracker on the same machine.
TIMES: Final[dict[HookSet, str]] = {"few": "1.05 times", "all": "1.13 times"}

# A client whose version is not known is taken for this one.
OLDEST: Final[Version] = (2, 0, 43)


def parse_version(text: str) -> Version | None:
    """(2, 1, 197) of `2.1.197 (Claude Code)`. None if it has no version."""
    found = re.search(r"(\d+)\.(\d+)\.(\d+)", text)
    return None if found is None else (int(found[1]), int(found[2]), int(found[3]))


def events_of(version: Version | None) -> list[str]:
    """The events for a client of this version."""
    return [event for event, since in EVENTS.items() if since <= (version or OLDEST)]


def hook_set_of(chosen: object, *, has_telemetry: bool) -> HookSet:
    """The set that a person chose; else few where our telemetry tells the rest. `chosen`: as the configuration has it."""
    if chosen == "few" or chosen == "all":
        return chosen
    return "few" if has_telemetry else "all"


def hook_command(script: Path, folder: Path | None) -> str:
    """The shell command. A script that is gone must not fail: exit code 2 would block Claude Code's tools.

    `folder` is named if it is not the default one. Else the script takes the one in which it lies.
    """
    quoted = shlex.quote(str(script))
    argument = "" if folder is None else f" {shlex.quote(str(folder))}"
    return f"test ! -r {quoted} || exec /bin/sh {quoted}{argument} {MARK}"


def windows_hook(python: str, folder: Path) -> Hook:
    """For systems without a POSIX shell: the program itself, started without a shell, and the folder for its payload."""
    return {"type": "command", "command": python, "args": [*_WINDOWS_ARGUMENTS, str(folder)], "timeout": TIMEOUT_SECONDS}


def shell_hook(command: str) -> Hook:
    """A hook that is a shell command."""
    return {"type": "command", "command": command, "timeout": TIMEOUT_SECONDS}


def hooks_of(hook: Hook, version: Version | None, hook_set: HookSet = "all") -> dict[str, list[dict[str, Any]]]:
    """The member `hooks` of the settings. No matcher: every tool."""
    return {event: [{"hooks": [hook]}] for event in events_of(version) if hook_set == "all" or event in FEW}


def is_own(hook: object) -> bool:
    """Whether `tracker connect` wrote this hook, in this version or an older one."""
    if not isinstance(hook, dict):
        return False
    command, arguments = hook.get("command"), hook.get("args")
    if isinstance(arguments, list) and arguments[: len(_WINDOWS_ARGUMENTS)] == _WINDOWS_ARGUMENTS:
        return True
    return isinstance(command, str) and (MARK in command or _SCRIPT in command)
