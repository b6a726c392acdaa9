"""The ways that the finder of documents may go, on a small volume: all at once, windows by the index, windows of which each document is looked at."""

import pytest

from services.query.queries.search import document_finder

_NAMES = ("FEW", "LEAST_WINDOW", "MOST_WINDOW", "WINDOW_MATCHES", "INDEXED_AS_LOOKED_AT")
WAYS = ((3_000, 1_000, 300_000, 5_000, 30), (-1, 1, 3, 2, 10_000), (-1, 1, 3, 1, 0), (3_000, 1, 1, 1, 10_000), (-1, 2, 300_000, 3, 1))
Way = tuple[int, ...]


def take(monkeypatch: pytest.MonkeyPatch, way: Way) -> None:
    """From now on the finder goes this way."""
    for name, number in zip(_NAMES, way, strict=True):
        monkeypatch.setattr(document_finder, name, number)
