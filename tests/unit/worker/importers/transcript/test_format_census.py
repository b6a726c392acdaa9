"""Parts of a transcript that nothing reads are counted by version: types, kinds and fields, by their names alone."""

import json
from typing import Any

import pytest

from services.worker.importers.formats.format_census import EVERY, MAX_NAMES, UNKNOWN_VERSION
from services.worker.importers.formats.known_formats import KNOWN_FIELDS, is_known
from services.worker.persist.records import OTHER, Unread
from tests.unit.worker.importers.transcript.rows_of_a_session import SESSION, WHOLE, answer, prompt, read_rows, row, summary, text

NEW = "2.1.400"


def unread(*rows: dict[str, Any]) -> dict[Unread, int]:
    return summary(read_rows(*rows)).unread


def attachment(kind: str, **fields: Any) -> dict[str, Any]:
    return row("attachment", 1, f"u-{kind}", version=NEW, attachment={"type": kind} | fields)


def test_a_session_that_is_read_whole_has_nothing_unread() -> None:
    assert unread(*WHOLE) == {}


def test_types_subtypes_and_kinds_that_nothing_knows_are_counted() -> None:
    hologram = {"type": "hologram", "sessionId": SESSION, "version": NEW}

    found = unread(
        prompt(0, "u1", "go", version=NEW),
        hologram,
        hologram,
        row("system", 1, "s1", subtype="earthquake", version=NEW),
        attachment("postcard"),
        row("progress", 1, "p1", data={"type": "rain"}, version=NEW),
        answer(2, "a1", "m1", {"type": "poem"}, version=NEW),
    )

    assert found == {
        Unread(NEW, "record", "hologram"): 2,
        Unread(NEW, "system", "earthquake"): 1,
        Unread(NEW, "attachment", "postcard"): 1,
        Unread(NEW, "progress", "rain"): 1,
        Unread(NEW, "block", "poem"): 1,
    }


def test_fields_that_nothing_knows_are_counted_where_they_are() -> None:
    said = answer(2, "a1", "m1", text("Yes.") | {"mood": "glad"}, version=NEW, weather="rain")
    said["message"] |= {"aura": 1}
    said["message"]["usage"] |= {"sparks": 3}

    found = unread(
        prompt(0, "u1", "go", version=NEW, horoscope={"sign": "lion"}), said, attachment("queued_command", prompt="x", stamp="y")
    )

    assert found == {
        Unread(NEW, "field", name): 1
        for name in (
            "user.horoscope",
            "assistant.weather",
            "message.aura",
            "usage.sparks",
            "block/text.mood",
            "attachment/queued_command.stamp",
        )
    }


def test_what_is_left_out_by_name_is_not_counted() -> None:
    assert is_known("record", "mode") and is_known("record", "artifact-version") and is_known("attachment", "skill_listing")

    assert unread(prompt(0, "u1", "go", userType="external"), {"type": "mode", "sessionId": SESSION}, attachment("skill_listing")) == {}


def test_what_a_call_costs_is_not_unread() -> None:
    assert {"iterations", "inference_geo", "speed"} <= KNOWN_FIELDS["usage"]


def test_records_without_a_version_are_of_the_one_around_them() -> None:
    hologram = {"type": "hologram", "sessionId": SESSION}

    found = unread(hologram, prompt(0, "u1", "go", version=NEW), hologram, prompt(1, "u2", "on", version="2.1.401"), hologram)

    assert found == {Unread(NEW, "record", "hologram"): 2, Unread("2.1.401", "record", "hologram"): 1}


def test_a_file_that_names_no_version_is_of_an_unknown_one() -> None:
    assert unread({"type": "mode", "sessionId": SESSION}, {"type": "hologram"}) == {Unread(UNKNOWN_VERSION, "record", "hologram"): 1}


def test_fields_are_looked_for_in_the_first_record_and_then_now_and_then() -> None:
    rows = [prompt(number, f"u{number}", "go", version=NEW, horoscope=1) for number in range(2 * EVERY + 1)]

    assert unread(*rows) == {Unread(NEW, "field", "user.horoscope"): 3}


@pytest.mark.parametrize("name", ["sk-ant-api03-" + "a1B2" * 20, "two words", "x" * 81, "né", "", "a\nb"])
def test_names_that_no_format_has_are_not_kept(name: str) -> None:
    found = unread(prompt(0, "u1", "go", version=NEW) | {name: "value"}, {"type": name or "?", "sessionId": SESSION})

    assert found == {Unread(NEW, "field", f"user.{OTHER}"): 1, Unread(NEW, "record", OTHER): 1}


def test_a_version_that_is_none_is_not_kept() -> None:
    assert unread(prompt(0, "u1", "go", version="my secret"), {"type": "hologram", "sessionId": SESSION}) == {
        Unread(OTHER, "record", "hologram"): 1
    }


def test_a_file_with_very_many_names_and_versions_fills_no_more_than_its_share() -> None:
    records = [{"type": f"type{number}", "sessionId": SESSION, "version": f"1.0.{number}"} for number in range(3 * MAX_NAMES)]

    found = unread(prompt(0, "u1", "go", version=NEW), *records)

    assert len(found) == MAX_NAMES + 1
    assert found[Unread(OTHER, "record", OTHER)] == 2 * MAX_NAMES


def test_names_before_any_version_are_bounded_too() -> None:
    records = [{"type": f"type{number}", "sessionId": SESSION} for number in range(3 * MAX_NAMES)]

    found = unread(*records, prompt(0, "u1", "go", version=NEW))

    assert (sum(found.values()), len(found)) == (3 * MAX_NAMES, MAX_NAMES + 1)


def test_no_value_is_in_the_names() -> None:
    rows = [
        prompt(0, "u1", "the secret word", version=NEW, horoscope={"the secret key": "the secret value"}),
        attachment("postcard", to="secret"),
    ]

    assert "secret" not in json.dumps([list(name) for name in unread(*rows)])


def test_what_another_program_wrote_is_not_counted() -> None:
    assert unread({"type": "session_meta", "payload": {}}, {"type": "response_item"}) == {}


def test_the_summary_of_a_file_names_what_nothing_reads() -> None:
    found = summary(read_rows(prompt(0, "u1", "go", horoscope=1), {"type": "hologram", "sessionId": SESSION}, attachment("postcard")))

    assert found.unknown_records == {"hologram": 1, "user.horoscope": 1, "attachment/postcard": 1}
