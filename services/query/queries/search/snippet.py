"""The parts of a text that match a search, as HTML: escaped, with the searched words in <mark>."""

import re
from collections.abc import Callable, Iterator, Sequence
from html import escape
from itertools import islice

from msgspec import Struct

from services.query.search_index.words.text_words import folded as folded_word

BEFORE_CHARS = 60
SNIPPET_CHARS = 240
# A word that is far from the others is shown in a part of its own, if there is room for so much around each.
LEAST_AROUND_CHARS = 24
# For a very frequent word, this many places are enough to find one beside the other words, among this many that are examined.
MOST_PLACES, MOST_LOOKED_AT = 200, 5_000

_GAP = " … "
# Their places fit into a snippet.
_FEW_WORDS = 3
# Where a word or a part of an identifier begins or ends: my|_func, use|Effect, HTTP|Response.
_EDGE = re.compile(r"(?<![^\W_])|(?![^\W_])|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

Span = tuple[int, int]


def snippet(content: str, highlights: Sequence[str], chars: int = SNIPPET_CHARS, more_per_word: int = 0) -> str:
    """At most `chars` characters of `content`, with every highlight that fits, cut ends and gaps shown by …

    `more_per_word`: more characters for each highlight behind the third that is there.
    """
    text = _Text(content)
    words = [word for each in dict.fromkeys(map(folded, highlights)) if (word := text.find(each))]
    parts = _parts(words, len(content), chars + more_per_word * max(len(words) - _FEW_WORDS, 0))
    shown = _GAP.join(_marked(text, part, words) for part in parts)
    return ("…" if parts[0][0] else "") + shown + ("…" if parts[-1][1] < len(content) else "")


class _Word(Struct):
    """A word and its first places; all are of one kind. Whole words are preferred, weaker matches are used only without them."""

    folded: str
    is_place: Callable[[Span], bool]
    places: list[Span]


class _Text:
    """A text, and the same in one case, character by character, to look for words in."""

    def __init__(self, content: str) -> None:
        self.content = content
        self._folded = folded(content)

    def find(self, folded: str) -> _Word | None:
        """By itself or as a part of an identifier; else where a longer word begins with it; else anywhere."""
        kinds: tuple[Callable[[Span], bool], ...] = (self._is_whole, self._is_beginning, lambda _: True)
        for is_place in kinds if folded else ():
            occurrences = islice(self._occurrences(folded, 0, len(self.content)), MOST_LOOKED_AT)
            if places := list(islice(filter(is_place, occurrences), MOST_PLACES)):
                return _Word(folded, is_place, places)
        return None

    def places_in(self, part: Span, word: _Word) -> Iterator[Span]:
        """Where the word is in a part of the text."""
        return filter(word.is_place, self._occurrences(word.folded, *part))

    def _occurrences(self, folded: str, start: int, end: int) -> Iterator[Span]:
        at = self._folded.find(folded, start, end)
        while at >= 0:
            yield at, at + len(folded)
            at = self._folded.find(folded, at + len(folded), end)

    def _is_whole(self, span: Span) -> bool:
        return self._is_beginning(span) and _EDGE.match(self.content, span[1]) is not None

    def _is_beginning(self, span: Span) -> bool:
        return _EDGE.match(self.content, span[0]) is not None


def folded(text: str) -> str:
    """In one case and without accents, character by character: places must be those of the text itself."""
    return text.lower() if text.isascii() else text.translate(_FOLDS)


class _Folds(dict[int, str]):
    """The form by which each character is compared; filled as characters are met."""

    def __missing__(self, code: int) -> str:
        letter = chr(code)
        lower, plain = letter.lower(), folded_word(letter)
        self[code] = found = plain if len(plain) == 1 else lower if len(lower) == 1 else letter
        return found


_FOLDS = _Folds()


def _parts(words: list[_Word], length: int, chars: int) -> list[Span]:
    """The parts that are shown, in the order of the text: around as many words as stand together, then around each of the others while there is room."""
    if not words:
        return [(0, min(chars, length))]
    chosen = [_together(words, chars)]
    room = chars - (chosen[0][1] - chosen[0][0])
    for word in words:
        start, end = word.places[0]
        is_shown = any(first <= at and until <= last for first, last in chosen for at, until in word.places)
        if not is_shown and room - (end - start) >= LEAST_AROUND_CHARS * (len(chosen) + 1):
            chosen.append((start, end))
            room -= end - start
    around = max(room, 0) // len(chosen)
    before = BEFORE_CHARS if len(chosen) == 1 else around // 2
    return _joined([_widened(span, before, around, length, chars) for span in sorted(chosen)])


def _widened(span: Span, before: int, around: int, length: int, chars: int) -> Span:
    start = max(span[0] - min(before, around), 0)
    return start, min(span[1] + around - (span[0] - start), start + chars, length)


def _joined(parts: list[Span]) -> list[Span]:
    """Those that touch each other as one."""
    joined = parts[:1]
    for start, end in parts[1:]:
        if start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def _together(words: list[_Word], chars: int) -> Span:
    """The first of the shortest stretches with as many different words as there can be in one."""
    spans = sorted((start, end, number) for number, word in enumerate(words) for start, end in word.places)
    counts = [0] * len(words)
    first, most = 0, 0
    best = spans[0][:2]
    for start, end, number in spans:
        counts[number] += 1
        while spans[first][0] < start and (end - spans[first][0] > chars - BEFORE_CHARS or counts[spans[first][2]] > 1):
            counts[spans[first][2]] -= 1
            first += 1
        there, stretch = sum(map(bool, counts)), (spans[first][0], end)
        if there > most or (there == most and stretch[1] - stretch[0] < best[1] - best[0]):
            most, best = there, stretch
    return best


def _marked(text: _Text, part: Span, words: list[_Word]) -> str:
    pieces, at = [], part[0]
    # The longest of words that contain each other.
    for start, end in sorted((place for word in words for place in text.places_in(part, word)), key=lambda place: (place[0], -place[1])):
        if start >= at:
            pieces += [escape(text.content[at:start]), "<mark>", escape(text.content[start:end]), "</mark>"]
            at = end
    return "".join(pieces) + escape(text.content[at : part[1]])
