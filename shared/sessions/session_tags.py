"""What a tag of a session is compared by. Ingest stores it beside the tag, and query looks for it."""

from unicodedata import normalize


def tag_key(tag: str) -> str:
    """The same for tags that differ in case, or in how an accent is coded."""
    return normalize("NFC", normalize("NFC", tag).casefold())
