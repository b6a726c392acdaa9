"""The form by which tags of a session are compared. Ingest stores it beside the tag, and query looks for it."""

from collections.abc import Iterable
from unicodedata import normalize


def tag_key(tag: str) -> str:
    """The same for tags that differ in case, or in how an accent is coded."""
    return normalize("NFC", normalize("NFC", tag).casefold())


def distinct(tags: Iterable[str]) -> list[str]:
    """Each tag once, as it was written first."""
    by_key: dict[str, str] = {}
    for tag in tags:
        by_key.setdefault(tag_key(tag), tag)
    return list(by_key.values())
