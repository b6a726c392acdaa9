"""A server that is away, hangs up, is full, or refuses the key: the shipper waits, says so, and loses nothing."""

import json
import time
from pathlib import Path

import pytest

from client.capture.lock import running_shipper
from deploy.embedded.supervision.processes import wait_until
from tests.faults.devices.small_disk import small_disk
from tests.unit.client.capture.capture_server import CaptureServer
from tests.unit.client.capture.conftest import Person, payload_of, put


def status(person: Person) -> dict[str, object]:
    path = person.folder / "status.json"
    return json.loads(path.read_text()) if path.exists() else {}


@pytest.mark.parametrize("failure", [500, 502, 503, 429, 404, "hangs up", "away"])
def test_what_a_server_does_not_take_is_sent_when_it_does(person: Person, server: CaptureServer, failure: int | str) -> None:
    transcript = person.home.transcript()
    put(person, payload_of(transcript))
    if failure == "hangs up":
        server.is_hanging_up = True
    elif isinstance(failure, int):
        server.failure = (failure, {})
    away = {"TRACKER_URL": "http://127.0.0.1:9"} if failure == "away" else {}

    refused = person.ship("--once", "--within", "1", **away)
    server.is_hanging_up, server.failure = False, None
    sent = person.ship()

    assert refused.returncode == 3
    assert refused.stderr.count("\n") == 1
    assert sent.returncode == 0
    assert len(server.hooks) == 1
    assert server.content(transcript.stem) == transcript.read_bytes()


def test_a_shipper_comes_back_by_itself_and_not_before_it_is_asked_to(person: Person, server: CaptureServer) -> None:
    transcript = person.home.transcript()
    server.failure = (503, {"Retry-After": "3"})
    person.shipper()
    assert wait_until(lambda: bool(server.heard_at), 30)
    server.failure = None
    assert wait_until(lambda: server.has(transcript.stem), 30)
    refused_at, next_at, *_ = server.heard_at
    assert next_at - refused_at >= 2.5


@pytest.mark.parametrize("code", [401, 403])
def test_a_refused_key_is_not_tried_again_until_there_is_another(person: Person, server: CaptureServer, code: int) -> None:
    transcript = person.home.transcript()
    server.failure = (code, {})
    person.folder.mkdir(mode=0o700)
    (person.folder / "config.json").write_text(json.dumps({"url": server.url, "token": "tk_old"}))
    assert person.ship("--once").returncode == 1
    running = person.shipper()
    assert wait_until(lambda: status(person).get("is_key_refused") is True and status(person)["pid"] == running.pid, 30)
    requests = len(server.requests)
    for number in range(5):
        put(person, payload_of(transcript), f"1-{number}")
        time.sleep(0.3)
    assert len(server.requests) == requests
    assert str(code) in str(status(person)["last_error"])

    server.failure = None
    (person.folder / "config.json").write_text(json.dumps({"url": server.url, "token": "tk_new"}))

    assert wait_until(lambda: server.has(transcript.stem), 30)
    assert server.requests[-1][2]["Authorization"] == "Bearer tk_new"


def test_it_ends_when_it_is_quiet_and_all_is_sent(person: Person, server: CaptureServer) -> None:
    transcript = person.home.transcript()
    server.failure = (503, {})
    running = person.quiet_shipper(2)
    time.sleep(4)
    assert running.poll() is None
    server.failure = None

    assert running.wait(60) == 0

    assert server.content(transcript.stem) == transcript.read_bytes()
    assert running_shipper(person.folder) is None
    assert status(person)["is_all_sent"] is True
    assert server.reports[-1]["files_unsent"] == 0


def test_it_stays_while_a_turn_goes_on(person: Person, server: CaptureServer) -> None:
    """given a turn in which nothing is heard for longer than the shipper waits, when a person stops it, then the line that tells it is sent."""
    transcript = person.home.transcript()
    put(person, payload_of(transcript, "PreToolUse"))
    running = person.quiet_shipper(1)
    assert wait_until(lambda: server.has(transcript.stem), 30)
    time.sleep(4)

    person.home.grow(transcript)

    assert wait_until(lambda: server.content(transcript.stem) == transcript.read_bytes(), 30)
    # And it ends behind the turn
    put(person, payload_of(transcript, "Stop"), "1-2")
    assert running.wait(60) == 0


def test_one_payload_that_is_refused_keeps_nothing_out(person: Person, server: CaptureServer) -> None:
    transcript = person.home.transcript()
    for number in range(3):
        put(person, payload_of(transcript, padding="x" * (2_000_000 if number == 1 else 1)), f"1-{number}")

    assert person.ship().returncode == 0

    assert len(server.hooks) == 2
    assert list(person.spool.iterdir()) == []


@pytest.mark.parametrize("code", [400, 403])
def test_a_transcript_that_the_server_refuses_is_named_and_keeps_nothing_out(person: Person, server: CaptureServer, code: int) -> None:
    refused, other = person.home.transcript(), person.home.transcript()
    (server.refused if code == 400 else server.others).add(refused.stem)

    done = person.ship()

    assert done.returncode == 0
    assert server.has(other.stem)
    assert str(code) in str(status(person)["last_error"])
    assert server.reports[-1]["last_error"] == status(person)["last_error"]


def test_what_was_erased_on_the_server_is_no_error_and_leaves_the_spool(person: Person, server: CaptureServer) -> None:
    # Given a session that was erased on the server, with hooks in the spool, and another one
    erased, other = person.home.transcript(), person.home.transcript()
    server.erased.add(erased.stem)
    put(person, payload_of(erased), "1-0")
    put(person, payload_of(erased, "SessionEnd"), "1-1")

    # When it is shipped
    done = person.ship()

    # Then nothing is wrong, the spool is empty, and the status says what was refused
    assert (done.returncode, done.stderr) == (0, "")
    assert list(person.spool.iterdir()) == []
    assert server.has(other.stem)
    assert not server.has(erased.stem)
    told = status(person)
    assert (told["files_erased"], told["hooks_erased"], told["files_rejected"], told["last_error"]) == (1, 2, 0, None)


@pytest.mark.parametrize("most", [1_000_000, 20_000])
def test_a_line_that_a_proxy_refuses_is_shortened_and_keeps_nothing_out(person: Person, server: CaptureServer, most: int) -> None:
    transcript = person.home.transcript()
    image = {"type": "user", "cwd": "/home/ann/shop", "uuid": "u", "image": "x" * 3_000_000, "list": ["y" * 9_000] * 3}
    with transcript.open("a") as file:
        file.write(json.dumps(image) + "\n")
    for _ in range(20):
        person.home.grow(transcript, 5)
    server.max_body = most

    assert person.ship().returncode == 0

    sent, lines = server.content(transcript.stem).splitlines(), transcript.read_bytes().splitlines()
    assert len(sent) == len(lines)
    [shortened] = [line for line, whole in zip(sent, lines, strict=True) if line != whole]
    assert json.loads(shortened)["uuid"] == "u"
    assert "characters left out" in json.loads(shortened)["image"]


def test_a_full_disk_here_keeps_nothing_from_being_sent(person: Person, server: CaptureServer) -> None:
    transcript = person.home.transcript()
    person.ship()
    with small_disk(person.folder, 1) as disk:
        put(person, payload_of(transcript))
        person.home.grow(transcript)
        disk.fill()
        running = person.shipper()
        try:
            assert wait_until(lambda: len(server.hooks) == 1 and server.content(transcript.stem) == transcript.read_bytes(), 30)
        finally:
            running.kill()
            running.wait()


def test_settings_that_are_broken_count_as_none(person: Person, server: CaptureServer, tmp_path: Path) -> None:
    transcript = person.home.transcript()
    person.folder.mkdir(mode=0o700)
    (person.folder / "config.json").write_text("{broken")
    assert person.ship().returncode == 0
    assert server.has(transcript.stem)
