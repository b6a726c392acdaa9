"""A range of a session goes with its sums and the lines of that time; the rest of the session stays, and grows."""

import json
from datetime import timedelta

from tests.integration.erasures.erasing import erased, places_of
from tests.integration.keys.ownership.owners import ANNS, AT, World, line
from tests.integration.worker.all_tables import differences

HOUR = timedelta(hours=1)
BEFORE, WITHIN, BEHIND, LATER = "paraboloid", "hyperboloid", "ellipsoid", "catenoid"


def lines(*named: tuple[int, timedelta, str]) -> bytes:
    return b"".join(json.dumps(line(number, ANNS, "/x", AT + at, f"words on the {word}")).encode() + b"\n" for number, at, word in named)


BEGUN = lines((1, timedelta(0), BEFORE), (2, HOUR, WITHIN), (3, 2 * HOUR, BEHIND))
SUMMARY = json.dumps({"type": "summary", "summary": f"on the {WITHIN}", "leafUuid": "x"}).encode() + b"\n"
RANGE = {"session_id": ANNS, "from": (AT + HOUR).isoformat(), "to": (AT + 2 * HOUR).isoformat()}


def archived(world: World) -> bytes:
    return world.api.get(world.admin, f"/api/sessions/{ANNS}/transcript").content


def assert_only_the_range_is_gone(world: World, kept: set[str]) -> None:
    assert places_of(world, WITHIN) == {}
    contents = {row["content"] for row in world.api.select("SELECT content FROM messages")}
    assert contents == {f"words on the {word}" for word in kept}
    assert WITHIN.encode() not in archived(world)
    assert all(word.encode() in archived(world) for word in kept)
    assert differences(world.worker) == {}


def test_a_range_of_a_live_session_goes_and_the_session_goes_on(world: World) -> None:
    # Given a live session whose transcript is read
    key = world.api.key("ingest")
    assert world.put(key, ANNS, BEGUN, machine="laptop").status_code == 200
    world.settle()

    # When an hour of it is erased
    found = erased(world, RANGE, ANNS)

    # Then the rest is there
    assert found["counts"]["rows"] == 1
    assert_only_the_range_is_gone(world, {BEFORE, BEHIND})

    # When the session goes on, then it is as it was
    more = lines((4, 3 * HOUR, LATER))
    assert world.put(key, ANNS, more, machine="laptop", offset=len(BEGUN)).status_code == 200
    world.settle()
    assert_only_the_range_is_gone(world, {BEFORE, BEHIND, LATER})


def test_a_range_of_an_imported_session_goes_and_stays_out(world: World) -> None:
    # Given an imported session, with a title of what was said in the range
    ann = world.api.key("ingest", user="ann")
    file = BEGUN[: BEGUN.index(b"\n") + 1] + BEGUN[BEGUN.index(b"\n") + 1 :] + lines((5, HOUR, WITHIN)) + SUMMARY
    assert world.upload(ann, f"{ANNS}.jsonl", file).status_code in (200, 202)
    world.settle()
    assert places_of(world, WITHIN)

    # When the range is erased, then the rest is there
    erased(world, RANGE, ANNS)
    assert_only_the_range_is_gone(world, {BEFORE, BEHIND})

    # When the file is imported again, or its archived content is read again, then the range stays out
    assert world.upload(ann, f"{ANNS}.jsonl", file + lines((6, 4 * HOUR, LATER))).status_code in (200, 202)
    world.settle()
    world.reparse()
    assert places_of(world, WITHIN) == {}
    assert {row["content"] for row in world.api.select("SELECT content FROM messages")} == {
        f"words on the {word}" for word in (BEFORE, BEHIND, LATER)
    }


def test_a_resent_transcript_is_stored_without_the_range(world: World) -> None:
    # Given an erased range
    key = world.api.key("ingest")
    assert world.put(key, ANNS, BEGUN, machine="laptop").status_code == 200
    world.settle()
    erased(world, RANGE, ANNS)

    # When another machine sends all of the transcript
    assert world.put(key, ANNS, BEGUN, machine="other").status_code == 200
    world.settle()

    # Then the range stays out
    assert_only_the_range_is_gone(world, {BEFORE, BEHIND})
