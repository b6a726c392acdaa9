"""By which of its parameters a tool call is told in one line: the first of these that it has."""

from typing import Final

TELLING_PARAMETERS: Final = ("command", "file_path", "pattern", "path", "query", "url", "description", "prompt", "skill", "notebook_path")
