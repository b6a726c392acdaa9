"""How much is kept of what a tool call gave back: of a long text its beginning and its end.

Characters are counted, Unicode code points as Python and Postgres count them. Texts must be redacted before they are cut, or half of a secret could stay.
"""

import re
from typing import Final

from services.worker.persist.records import KeptResults, Media, Result
from shared.claude_formats.tool_results import ResultText, storable, without_escape_codes
from shared.events.messages import GivenResult, ToolCall

ALL: Final = KeptResults()
MAX_MEDIA: Final = 100
_WORD: Final = re.compile(r"\[redacted:[a-z_]{1,40}:[0-9a-f]{8}\]")
_LONGEST_WORD: Final = 60


def enough_of(kept: KeptResults) -> tuple[int, int]:
    """How many characters of the beginning and of the end of a text `result_of` looks at."""
    return kept.head + _LONGEST_WORD, kept.characters - kept.head + _LONGEST_WORD


def result_of(given: ResultText, kept: KeptResults) -> Result:
    """The kept part of a whole result, or of one that has its beginning and its end as far as `enough_of`."""
    media = [Media(media_type, size) for media_type, size in given.media[:MAX_MEDIA]]
    if len(given.text) <= kept.characters:
        return Result(text=given.text, media=media)
    head, tail = _cuts(given.text, kept)
    return Result(text=given.text[:head] + given.text[tail:], left_out=tail - head + given.left_out, cut_at=head, media=media)


def _cuts(text: str, kept: KeptResults) -> tuple[int, int]:
    """Where the part that is left out begins and ends: never inside a word that replaced a secret."""
    head, tail = kept.head, len(text) - (kept.characters - kept.head)
    for word in _WORD.finditer(text, max(head - _LONGEST_WORD, 0), head + _LONGEST_WORD):
        if word.start() < head < word.end():
            head = word.start()
    for word in _WORD.finditer(text, max(tail - _LONGEST_WORD, 0), tail + _LONGEST_WORD):
        if word.start() < tail < word.end():
            tail = word.end()
    return head, tail


def result_of_event(event: ToolCall, kept: KeptResults) -> Result | None:
    """The kept part of a result that a client sent. None if it sent none, or if it is not kept."""
    sent = event.result
    if not isinstance(sent, (str, GivenResult)) or not kept.keeps(event.result_status):
        return None
    text, media = (sent, []) if isinstance(sent, str) else (sent.text, [(each.type, each.bytes) for each in sent.media])
    return result_of(ResultText(storable(without_escape_codes(text)), media), kept)
