"""Keyset cursors are opaque, bound to their filters, and never cause a server error."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.query import cursor
from shared.http.errors import BadRequest

ROW = UUID("018f3b1e-0000-7000-8000-000000000001")
SHAPES: tuple[cursor.Shape, ...] = (("time", "uuid"), ("float", "time", "uuid", "int", "text"))
times = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)).map(lambda t: t.replace(tzinfo=UTC))


@given(
    st.floats(0, 1),
    times,
    st.uuids(),
    st.integers(-(2**63), 2**63 - 1),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
)
def test_a_cursor_round_trips_its_keys(score: float, at: datetime, row: UUID, number: int, name: str) -> None:
    keys = (score, at, row, number, name)
    assert cursor.decode(cursor.encode(keys, "f"), "f", *SHAPES) == keys


def test_an_undated_row_sorts_as_minus_infinity() -> None:
    assert cursor.decode(cursor.encode((None, ROW), "f"), "f", *SHAPES) == ("-infinity", ROW)


def test_a_cursor_of_another_filter_is_refused() -> None:
    first, other = cursor.fingerprint("/api/sessions", {"user": "a"}), cursor.fingerprint("/api/sessions", {"user": "b"})
    with pytest.raises(BadRequest) as refused:
        cursor.decode(cursor.encode((None, ROW), first), other, *SHAPES)
    assert refused.value.code == "INVALID_CURSOR"


@given(st.text() | st.binary().map(lambda raw: cursor.base64.urlsafe_b64encode(raw).decode()))
def test_a_malformed_cursor_is_refused(text: str) -> None:
    with pytest.raises(BadRequest) as refused:
        cursor.decode(text, "f", *SHAPES)
    assert refused.value.code == "INVALID_CURSOR"


@pytest.mark.parametrize(
    "keys",
    [
        ("x", str(ROW)),
        (5, str(ROW)),
        ("2024-01-01", "no uuid"),
        ("2024-01-01",),
        (True, None, None, 2**70, "a"),
        (1.5, None, str(ROW), 1, "\0"),
        ([1], 2),
    ],
)
def test_a_cursor_with_keys_of_other_types_is_refused(keys: tuple[object, ...]) -> None:
    with pytest.raises(BadRequest):
        cursor.decode(cursor.encode(keys, "f"), "f", *SHAPES)
