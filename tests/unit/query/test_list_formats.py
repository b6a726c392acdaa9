"""Rows as CSV and NDJSON: quoting, formulas, nested fields, numbers."""

import csv
import io
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, UnsetType

from services.query.answers.answer import Answer
from services.query.answers.lists import Session
from services.query.http.list_formats import columns_of, csv_encoder, ndjson


class Place(Answer):
    name: str | None
    lines: int


class Item(Answer, kw_only=True):
    title: str
    place: Place | None
    count: int | None
    extra: str | UnsetType | None = UNSET
    parts: list[Place] | UnsetType = UNSET


def table(rows: list[dict[str, Any]]) -> list[dict[str, str]]:
    """The rows as a program reads them from CSV."""
    encode = csv_encoder(columns_of([Item], rows[0] if rows else None))
    return list(csv.DictReader(io.StringIO(encode(rows).decode(), newline="")))


def test_columns_follow_the_model_and_nested_fields_have_dotted_names() -> None:
    assert [column.name for column in columns_of([Item], None)] == ["title", "place.name", "place.lines", "count"]
    assert [column.name for column in columns_of([Item], {"parts": []}, leading=["count"])][0::4] == ["count", "parts"]
    assert [column.name for column in columns_of([Session], None)][:2] == ["session_id", "title"]


def test_a_header_is_written_once_also_without_rows() -> None:
    encode = csv_encoder(columns_of([Item], None))
    assert encode([]) == b"title,place.name,place.lines,count\r\n"
    assert encode([]) == b""


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"])
def test_a_text_that_begins_like_a_formula_is_prefixed(start: str) -> None:
    [row] = table([{"title": f"{start}cmd|' /C calc'!A0", "place": {"name": f"{start}1", "lines": 1}, "count": 1}])
    assert row["title"] == f"'{start}cmd|' /C calc'!A0"
    assert row["place.name"] == f"'{start}1"


def test_numbers_stay_numbers_and_what_is_unknown_is_empty() -> None:
    rows = [{"title": "a", "place": None, "count": -5}, {"title": "b", "place": {"name": None, "lines": -1}, "count": None}]
    assert table(rows) == [
        {"title": "a", "place.name": "", "place.lines": "", "count": "-5"},
        {"title": "b", "place.name": "", "place.lines": "-1", "count": ""},
    ]


def test_times_are_iso_lists_are_json_and_parameters_stay_as_they_were_sent() -> None:
    row = {
        "title": datetime(2026, 1, 2, 3, tzinfo=timezone(timedelta(hours=2))),
        "place": {"name": date(2026, 1, 2), "lines": True},
        "count": UUID(int=1),
        "extra": msgspec.Raw(b'{"a":\n "b, c"}'),
        "parts": [{"name": "=x", "lines": 1}],
    }
    [read] = table([row])
    assert read == {
        "title": "2026-01-02T01:00:00Z",
        "place.name": "2026-01-02",
        "place.lines": "true",
        "count": "00000000-0000-0000-0000-000000000001",
        "extra": '{"a":\n "b, c"}',
        "parts": '[{"name":"=x","lines":1}]',
    }


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]).filter(lambda each: each != "\0")), min_size=1))
def test_any_text_is_read_back_as_it_was_but_for_the_prefix(texts: list[str]) -> None:
    read = [row["title"] for row in table([{"title": text, "place": None, "count": 0} for text in texts])]
    assert [text.removeprefix("'") for text in read] == [text.removeprefix("'") for text in texts]
    assert not [text for text in read if text.startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_each_item_of_ndjson_is_one_line() -> None:
    rows = [{"at": datetime(2026, 1, 2, tzinfo=UTC), "text": "a\nb", "parameters": msgspec.Raw(b'{"a":\r\n 1}')}, {"n": 1}]
    lines = ndjson(rows).splitlines()
    assert [msgspec.json.decode(line) for line in lines] == [
        {"at": "2026-01-02T00:00:00Z", "text": "a\nb", "parameters": {"a": 1}},
        {"n": 1},
    ]
