"""Patterns of LIKE."""


def escape_like(text: str) -> str:
    """The text itself as a pattern of LIKE, with PostgreSQL's default escape."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
