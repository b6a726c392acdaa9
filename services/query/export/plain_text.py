"""Stored texts as text alone: without codes that a terminal would obey, and without characters that reorder what a reader sees."""

import re
from typing import Final

# Colours and other sequences for terminals: CSI, OSC and the like with their end, and two-character escapes.
_SEQUENCES: Final = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x9b[0-?]*[ -/]*[@-~]|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)|\x1b[ -/]*[0-~]"
)
# Other control characters, and those that turn the direction of the text after them.
_CONTROLS: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_PICTURE_OF_DELETE: Final = "\u2421"


def plain(text: str) -> str:
    """The text with plain line ends; a control character that is left is shown by its picture, as ␛."""
    text = text.replace("\r\n", "\n")
    if not _CONTROLS.search(text):
        return text
    return _CONTROLS.sub(_shown, _SEQUENCES.sub("", text))


def _shown(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code == ord("\r"):
        return "\n"
    return chr(0x2400 + code) if code < ord(" ") else _PICTURE_OF_DELETE if code == 0x7F else "\ufffd"


def one_line(text: str, most: int) -> str:
    """The text in one line, shortened to this many characters."""
    # A long text is cut first, since most of it is not shown.
    line = " ".join(plain(text[: 4 * most]).split())
    return line if len(line) <= most and len(text) <= 4 * most else f"{line[: most - 1]}…"
