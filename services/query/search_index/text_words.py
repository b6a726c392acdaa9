"""How the words of a text are cut, by the compiled methods of `str`, `bytes` and `dict`: one rule for documents and for queries."""

from msgspec import Struct


class TextWords(Struct, frozen=True):
    """What is given to the index: a text whose words it cuts at all that is no letter or digit, and words that are separated by spaces."""

    text: str
    name_parts: str
    signs: str


def words_of(content: str) -> TextWords:
    """The words of a text."""
    return TextWords(content, "", "")
