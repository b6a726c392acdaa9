"""The ways that the finder of documents may go, on a small volume: all at once, windows by the index, windows of which each document is looked at."""

from itertools import chain, repeat

import pytest

from services.query.queries.search import document_finder

_NAMES = ("FEW", "LEAST_WINDOW", "MOST_WINDOW", "WINDOW_MATCHES", "INDEXED_AS_LOOKED_AT")
WAYS = ((3_000, 1_000, 300_000, 5_000, 30), (-1, 1, 3, 2, 10_000), (-1, 1, 3, 1, 0), (3_000, 1, 1, 1, 10_000), (-1, 2, 300_000, 3, 1))
Way = tuple[int, ...]


def take(monkeypatch: pytest.MonkeyPatch, way: Way) -> None:
    """From now on the finder goes this way. Its time is over after so many looks at the clock, however busy the machine is."""
    for name, number in zip(_NAMES, way, strict=True):
        monkeypatch.setattr(document_finder, name, number)
    for name in ("COUNT_MS", "_EDGE_MS"):
        monkeypatch.setattr(document_finder, name, 60_000)
    left_ms = chain(repeat(60_000, 2_000), repeat(0))
    monkeypatch.setattr(document_finder.Deadline, "left_ms", lambda _: next(left_ms))
