"""`tracker ship`: what reaches the server, whatever files do in the meantime."""

import json
import os
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploy.embedded.supervision.processes import wait_until
from tests.unit.client.capture.capture_server import CaptureServer
from tests.unit.client.capture.conftest import Person, payload_of, put

KEY = "sk-ant-api03-" + "aB3dE6gH9" * 10 + "-aaAA"


def ranges(server: CaptureServer) -> list[str]:
    return [path for path in server.paths if path.startswith("/api/transcripts")]


def test_spool_and_transcripts_are_sent_once(person: Person, server: CaptureServer) -> None:
    transcript = person.home.transcript(2)
    put(person, payload_of(transcript, "SessionStart"), "1-0")
    time.sleep(0.01)
    put(person, payload_of(transcript, "Stop"), "1-1")

    first, requests = person.ship(), len(server.requests)
    second = person.ship()

    assert (first.returncode, first.stderr) == (0, "")
    assert [hook["hook_event_name"] for hook in server.hooks] == ["SessionStart", "Stop"]
    assert server.content(transcript.stem) == transcript.read_bytes()
    assert list(person.spool.iterdir()) == []
    assert second.returncode == 0
    assert not [path for path in server.paths[requests:] if "machines" not in path]


def test_a_payload_has_the_time_of_its_file_and_the_same_bytes_each_time(person: Person, server: CaptureServer) -> None:
    payload = payload_of(person.home.transcript(), "UserPromptSubmit", prompt="Grüße \ud83d")
    for _ in range(2):
        os.utime(put(person, payload), ns=(1_795_000_000_123_456_789, 1_795_000_000_123_456_789))
        person.ship()

    bodies = [body for _, path, _, body in server.requests if path.startswith("/api/hooks")]
    assert bodies[0] == bodies[1]
    assert json.loads(bodies[0])["tracker_at"] == "2026-11-18T11:06:40.123456+00:00"


def test_what_a_full_disk_cut_off_is_removed_and_keeps_nothing_out(person: Person, server: CaptureServer) -> None:
    transcript = person.home.transcript()
    put(person, payload_of(transcript)[:40], "999999999-0")
    put(person, b"", "999999999-1")
    put(person, b"[1]", "999999999-2")
    put(person, payload_of(transcript), "1-3")

    assert person.ship().returncode == 0

    assert len(server.hooks) == 1
    assert list(person.spool.iterdir()) == []


def test_a_payload_that_is_still_written_is_waited_for(person: Person, server: CaptureServer) -> None:
    payload = payload_of(person.home.transcript())
    path = put(person, payload[:40], f"{os.getpid()}-0")
    person.shipper()
    assert wait_until(lambda: bool(ranges(server)), 30)
    assert path.exists()
    path.write_bytes(payload)
    assert wait_until(lambda: len(server.hooks) == 1, 30)


def test_secrets_never_leave_the_machine(person: Person, server: CaptureServer) -> None:
    transcript = person.home.transcript()
    with transcript.open("a") as file:
        file.write(json.dumps({"type": "user", "cwd": "/home/ann/shop", "message": {"content": f"use {KEY}"}}) + "\n")
    put(person, payload_of(transcript, "UserPromptSubmit", prompt=f"use {KEY}"))

    person.ship()

    assert KEY.encode() not in b"".join(body for _, _, _, body in server.requests)
    assert b"[redacted:anthropic_key:" in server.content(transcript.stem)
    assert server.files[transcript.stem, transcript.name][1] == transcript.stat().st_size


def test_a_last_line_that_is_not_complete_waits(person: Person, server: CaptureServer) -> None:
    transcript = person.home.transcript()
    whole = transcript.read_bytes()
    with transcript.open("ab") as file:
        file.write(b'{"type":"us')
    person.ship()
    assert server.content(transcript.stem) == whole

    with transcript.open("ab") as file:
        file.write(b'er"}\n')
    person.ship()

    assert server.content(transcript.stem) == transcript.read_bytes()


@pytest.mark.parametrize("kept_bytes", [0, 100, 100_000], ids=["emptied", "shorter", "longer"])
def test_a_transcript_that_was_rewritten_is_sent_anew(person: Person, server: CaptureServer, kept_bytes: int) -> None:
    transcript = person.home.transcript(3)
    person.ship()
    transcript.write_bytes(b'{"type":"summary","summary":"another"}\n' * (kept_bytes // 40))
    person.home.grow(transcript)

    person.ship()

    assert server.content(transcript.stem) == transcript.read_bytes()
    assert server.files[transcript.stem, transcript.name][0] == 1


def test_a_transcript_that_was_copied_over_itself_goes_on(person: Person, server: CaptureServer) -> None:
    transcript = person.home.transcript(2)
    person.ship()
    copy = transcript.with_suffix(".copy")
    copy.write_bytes(transcript.read_bytes())
    copy.replace(transcript)
    person.home.grow(transcript)

    person.ship()

    assert server.content(transcript.stem) == transcript.read_bytes()
    assert server.files[transcript.stem, transcript.name][0] == 0


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.floats(0, 1))
def test_a_log_that_was_cut_off_or_lost_costs_nothing(person: Person, server: CaptureServer, cut: float) -> None:
    first, second = person.home.transcript(2), person.home.transcript(1)
    person.ship()
    log = person.folder / "sent.jsonl"
    log.write_bytes(log.read_bytes()[: round(cut * log.stat().st_size)])
    person.home.grow(first)

    assert person.ship().returncode == 0

    for transcript in (first, second):
        assert server.content(transcript.stem) == transcript.read_bytes()


def test_a_lost_log_of_a_rewritten_transcript_begins_a_new_generation(person: Person, server: CaptureServer) -> None:
    transcript = person.home.transcript(3)
    person.ship()
    transcript.write_text("")
    person.home.grow(transcript)
    person.ship()
    (person.folder / "sent.jsonl").unlink()

    person.ship()

    assert server.content(transcript.stem) == transcript.read_bytes()
    assert server.files[transcript.stem, transcript.name][0] == 2


def test_long_lines_are_sent_whole_and_absurd_ones_passed_over(person: Person, server: CaptureServer) -> None:
    transcript = person.home.transcript()
    before = transcript.read_bytes()
    long, absurd, after = [json.dumps({"type": "user", "content": "x" * size}).encode() + b"\n" for size in (3_000_000, 17_000_000, 10)]
    transcript.write_bytes(before + long + absurd + after)

    assert person.ship().returncode == 0

    assert server.content(transcript.stem) == before + long + b"\n" + after


def test_ranges_have_at_most_a_mebibyte(person: Person, server: CaptureServer) -> None:
    transcript = person.home.transcript()
    line = json.dumps({"type": "user", "content": "password=hunter2!x " * 50}).encode() + b"\n"
    with transcript.open("ab") as file:
        file.write(line * 4_000)

    assert person.ship().returncode == 0

    bodies = [body for _, path, _, body in server.requests if path.startswith("/api/transcripts")]
    assert max(map(len, bodies)) <= 1024**2
    assert server.content(transcript.stem).count(b"\n") == transcript.read_bytes().count(b"\n")


def test_subagents_belong_to_their_session(person: Person, server: CaptureServer) -> None:
    transcript = person.home.transcript()
    agents = transcript.with_suffix("") / "subagents"
    (agents / "workflows/wf_1").mkdir(parents=True)
    (agents / "agent-a1.jsonl").write_bytes(transcript.read_bytes())
    (agents / "agent-a1.meta.json").write_text("{}")
    (agents / "workflows/wf_1/agent-a2.jsonl").write_bytes(transcript.read_bytes())

    person.ship()

    assert {name for _, name in server.files} == {
        transcript.name,
        "subagents/agent-a1.jsonl",
        "subagents/workflows/wf_1/agent-a2.jsonl",
    }
    assert {session for session, _ in server.files} == {transcript.stem}


def test_files_of_another_settings_folder_are_found_by_what_hooks_name(person: Person, server: CaptureServer, tmp_path: Path) -> None:
    other = tmp_path / "work-claude/projects/-home-ann-shop/00000000-0000-4000-8000-000000000000.jsonl"
    other.parent.mkdir(parents=True)
    other.write_bytes(person.home.transcript().read_bytes())
    put(person, payload_of(other))
    person.ship()
    assert server.content(other.stem) == other.read_bytes()

    other.write_bytes(other.read_bytes() * 2)
    person.ship()

    assert server.content(other.stem) == other.read_bytes()


def test_links_pipes_and_folders_in_place_of_transcripts_are_left_alone(person: Person, server: CaptureServer, tmp_path: Path) -> None:
    transcript = person.home.transcript()
    outside = tmp_path / "outside.jsonl"
    outside.write_bytes(transcript.read_bytes())
    (transcript.parent / "link.jsonl").symlink_to(outside)
    (transcript.parent / "folder.jsonl").mkdir()
    (transcript.parent.parent / "loop").symlink_to(transcript.parent.parent)
    os.mkfifo(transcript.parent / "pipe.jsonl")
    put(person, payload_of(transcript, transcript_path="/etc/passwd", agent_transcript_path=str(outside)))

    assert person.ship().returncode == 0

    assert list(server.files) == [(transcript.stem, transcript.name)]


def test_what_an_import_told_may_be_damaged(person: Person, server: CaptureServer) -> None:
    transcript = person.home.transcript()
    (person.folder / "imported").mkdir(parents=True)
    (person.folder / "imported/0123").write_bytes(b'\xff\xfe\n7\n[1]\n["a", 2\n')

    assert person.ship().returncode == 0

    assert server.content(transcript.stem) == transcript.read_bytes()
    assert list((person.folder / "imported").iterdir()) == []


def test_names_and_folders_that_no_file_system_has_keep_nothing_out(person: Person, server: CaptureServer) -> None:
    transcript = person.home.transcript()
    with transcript.open("ab") as file:
        file.write(rb'{"type":"user","cwd":"/a/\ud800","n":1}' + b"\n" + rb'{"type":"user","cwd":"/a/\u0000","n":2}' + b"\n")
        file.write(b'{"a":' * 100_000 + b"\n" + b"\xff\xfe\x00\n" + b'{"cwd":"/x"\n')
    odd = transcript.with_suffix("") / "subagents"
    odd.mkdir(parents=True)
    Path(os.fsdecode(bytes(odd) + b"/agent-\xff.jsonl")).write_bytes(transcript.read_bytes())
    for number, path in enumerate(("/a/\ud800/projects/x/s.jsonl", "/\0/projects/x/s.jsonl", "~nobody/projects/x/y.jsonl", "x" * 5000, "")):
        put(person, payload_of(transcript, cwd=path, transcript_path=path), f"1-{number}")
    put(person, b'{"a":' * 100_000, "999999999-9")

    assert person.ship(USER="\udcff", LOGNAME="\udcff").returncode == 0

    assert len(server.hooks) == 5
    assert server.content(transcript.stem).count(b"\n") == transcript.read_bytes().count(b"\n")
    assert list(person.spool.iterdir()) == []


def test_a_home_behind_a_link_is_one_home(person: Person, server: CaptureServer, tmp_path: Path) -> None:
    transcript = person.home.transcript()
    (tmp_path / "link").symlink_to(person.home.path)
    put(person, payload_of(tmp_path / "link" / transcript.relative_to(person.home.path)))

    person.ship(HOME=str(tmp_path / "link"))

    assert len(ranges(server)) == 1


def test_ten_thousand_transcripts_that_are_sent_are_not_read_again(person: Person, server: CaptureServer) -> None:
    folder = person.home.transcript().parent
    [sent] = list(folder.iterdir())
    person.ship()
    [line] = [line for line in (person.folder / "sent.jsonl").read_text().splitlines() if line][-1:]
    path, entry = json.loads(line)
    with (person.folder / "sent.jsonl").open("a") as log:
        for number in range(10_000):
            copy = folder / f"{number:08}-0000-4000-8000-000000000000.jsonl"
            # A line that is not read cannot be seen to be another text.
            copy.write_bytes(b"x" * (entry["size"] - 1) + b"\n")
            status = copy.stat()
            log.write(json.dumps([str(copy), entry | {"mtime_ns": status.st_mtime_ns, "inode": status.st_ino}]) + "\n")
    requests = len(ranges(server))

    done = person.ship()

    assert (done.returncode, done.stderr) == (0, "")
    assert len(ranges(server)) == requests
    assert path == str(sent)
