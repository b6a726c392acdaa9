"""The Prefer header (RFC 7240): unknown preferences are ignored."""

import pytest

from services.ingest.events.wait import Preference, read_preference


@pytest.mark.parametrize(
    ("header", "preference"),
    [
        (None, Preference()),
        (b"wait=10", Preference(10, "wait=10")),
        (b'Wait = "7"', Preference(7, "wait=7")),
        (b"handling=lenient, wait=5; x=y", Preference(5, "wait=5")),
        (b"wait=3600", Preference(30, "wait=30")),
        (b"wait=0", Preference(0, "wait=0")),
        (b"respond-async", Preference(0, "respond-async")),
        (b"respond-async, wait=9", Preference(0, "respond-async")),
        (b"wait=soon", Preference()),
        (b"wait=-1", Preference()),
        (b"\xff", Preference()),
    ],
)
def test_the_prefer_header_is_parsed(header: bytes | None, preference: Preference) -> None:
    assert read_preference(header) == preference
