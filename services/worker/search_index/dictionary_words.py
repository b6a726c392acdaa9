"""The words that people and Claude write, to find one that is near to a misspelt one: of messages, titles, paths and inputs of calls, not of results."""

from typing import Final

from shared.document_words import folded, letters_of

MIN_CHARS: Final = 4
MAX_CHARS: Final = 32
# Of one document. Behind it new words are mostly noise.
MAX_TEXT_CHARS: Final = 20_000
# Of the input of a call: the command, path or pattern, which are first.
MAX_INPUT_CHARS: Final = 2_000

# Scripts that separate words by spaces are before this, and those that do not are behind it, as Thai and CJK.
_FIRST_SPACELESS: Final = "\u0e00"


def written_words(kind: str, content: str, result_at: int | None) -> set[str]:
    """The words of a document, folded, each once."""
    limit = MAX_INPUT_CHARS if kind == "tool_call" else MAX_TEXT_CHARS
    if result_at is not None:
        limit = min(limit, result_at)
    words = set(letters_of(folded(content[:limit])))
    return {word for word in words if MIN_CHARS <= len(word) <= MAX_CHARS and (word.isascii() or max(word) < _FIRST_SPACELESS)}
