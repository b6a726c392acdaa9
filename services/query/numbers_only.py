"""What a key that may only see numbers gets: the same answers, with null for what is a name or a path."""

from typing import Any

# By name of the field, wherever in an answer: so that a new endpoint, or a new field beside these, needs nothing done here.
_HIDDEN = frozenset({"name", "path", "project_name", "file_path", "title", "git_branch", "content", "snippet", "parameters"})


def numbers_only(content: Any) -> Any:
    """A copy without names of projects, paths and texts. Names of tools, models and users stay."""
    if isinstance(content, dict):
        return {name: None if name in _HIDDEN else numbers_only(value) for name, value in content.items()}
    if isinstance(content, list):
        return [numbers_only(item) for item in content]
    return content
