"""Files that a shell command deletes. Claude Code has no tool for it, so simple commands are parsed.

Simple is `rm` or `git rm` of files with full names, alone or joined to other commands by `&&`, `;` or a line end. Folders, patterns, variables,
pipes and commands with a `cd` are ignored: no deletion is better than a wrong one.
"""

import shlex
from typing import Any

from services.worker.importers.formats.transcript.file_changes import absolute_path

MAX_COMMAND_CHARACTERS = 2000
MAX_FILES = 20
_NOT_PLAIN = frozenset("*?[]{}$`~<>|&()\\!\n")
_SEPARATORS = frozenset({"&&", ";"})
_HARMLESS = frozenset({"-f", "-v", "-fv", "-vf", "--force", "--verbose", "--"})


def deleted_paths(tool_name: str, parameters: dict[str, Any] | None, cwd: str | None) -> list[str]:
    """The absolute paths; empty if nothing is certain."""
    command = parameters.get("command") if parameters and tool_name == "Bash" else None
    if not isinstance(command, str) or "rm " not in command or len(command) > MAX_COMMAND_CHARACTERS:
        return []
    try:
        lexer = shlex.shlex(command.replace("\n", " ; "), posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words = list(lexer)
    except ValueError:
        return []
    if "cd" in words or any(_NOT_PLAIN.intersection(word) for word in words if word not in _SEPARATORS):
        return []
    paths: list[str] = []
    for simple in _split(words):
        arguments = simple[1:] if simple[:1] == ["rm"] else simple[2:] if simple[:2] == ["git", "rm"] else []
        files = [argument for argument in arguments if argument not in _HARMLESS]
        if not any(file.startswith("-") or file.endswith("/") for file in files):
            paths += [absolute_path(file, cwd) for file in files]
    return [path for path in dict.fromkeys(paths) if path.startswith("/") or path[1:3] == ":/"][:MAX_FILES]


def _split(words: list[str]) -> list[list[str]]:
    commands: list[list[str]] = [[]]
    for word in words:
        if word in _SEPARATORS:
            commands.append([])
        else:
            commands[-1].append(word)
    return commands
