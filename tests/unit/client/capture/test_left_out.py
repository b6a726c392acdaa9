"""Folders that are left out: nothing of them leaves the machine."""

import json
import os
from pathlib import Path

import pytest

from client.capture.transcripts.left_out import LeftOut
from tests.unit.client.capture.capture_server import CaptureServer
from tests.unit.client.capture.conftest import Person, payload_of, put


@pytest.fixture
def project(person: Person) -> Path:
    folder = person.home.path / "src/secret-project"
    folder.mkdir(parents=True)
    return folder


def session(person: Person, *folders: Path | str | None) -> Path:
    """A session with a record in each of these folders; None: a record without a folder."""
    transcript = person.home.transcript(0)
    with transcript.open("a") as file:
        for number, folder in enumerate(folders):
            file.write(
                json.dumps({"type": "user", "n": number, "text": f"text of {folder}"} | ({"cwd": str(folder)} if folder else {})) + "\n"
            )
    return transcript


def set_left_out(person: Person, *folders: Path | str) -> None:
    person.folder.mkdir(mode=0o700, exist_ok=True)
    (person.folder / "config.json").write_text(json.dumps({"left_out": [str(folder) for folder in folders]}))


def numbers(server: CaptureServer, transcript: Path) -> list[int | None]:
    return [json.loads(line)["n"] if line.strip() else None for line in server.content(transcript.stem).splitlines()]


def sent_text(server: CaptureServer) -> str:
    return "".join(path + body.decode() for _, path, _, body in server.requests)


@pytest.mark.parametrize("way", ["setting", "setting of a parent", "setting with ~", "file", "file in a parent", "link"])
def test_nothing_of_a_session_that_began_there_is_sent(person: Person, server: CaptureServer, project: Path, way: str) -> None:
    match way:
        case "setting":
            set_left_out(person, project)
        case "setting of a parent":
            set_left_out(person, project.parent)
        case "setting with ~":
            set_left_out(person, "~/src/secret-project/")
        case "file":
            (project / ".tracker-ignore").touch()
        case "file in a parent":
            (project.parent / ".tracker-ignore").touch()
        case "link":
            (person.home.path / "link").symlink_to(project)
            set_left_out(person, person.home.path / "link")
    transcript = session(person, None, project, project / "src", "/elsewhere", None)
    agent = transcript.with_suffix("") / "subagents/agent-a1.jsonl"
    agent.parent.mkdir(parents=True)
    agent.write_bytes(transcript.read_bytes())
    open_one = session(person, "/home/ann/shop")
    put(person, payload_of(transcript, "UserPromptSubmit", cwd=str(project / "src"), prompt="about secret-project"))
    person.ship()
    put(person, payload_of(transcript, "Stop", cwd="/elsewhere"))

    assert person.ship().returncode == 0

    assert transcript.stem not in sent_text(server)
    assert "secret-project" not in sent_text(server)
    assert server.has(open_one.stem)
    assert list(person.spool.iterdir()) == []


def test_no_hook_is_sent_of_a_session_that_began_there_and_is_not_known_yet(person: Person, server: CaptureServer, project: Path) -> None:
    set_left_out(person, project)
    transcript = session(person, None, project, "/elsewhere")
    put(person, payload_of(transcript, "UserPromptSubmit", cwd="/elsewhere", prompt="about secret-project"))
    # And hooks that name what is no transcript
    (transcript.parent / "folder.jsonl").mkdir()
    os.mkfifo(transcript.parent / "pipe.jsonl")
    for number, name in enumerate(("folder", "pipe", "gone")):
        put(person, payload_of(transcript.parent / f"{name}.jsonl"), f"2-{number}")

    assert person.ship().returncode == 0

    assert sorted(hook["session_id"] for hook in server.hooks) == ["folder", "gone", "pipe"]
    assert list(person.spool.iterdir()) == []


def test_records_are_left_out_that_were_written_while_a_session_worked_there(person: Person, server: CaptureServer, project: Path) -> None:
    set_left_out(person, project)
    transcript = session(person, None, "/home/ann/shop", project, None, "/home/ann/shop", None)
    person.ship()
    with transcript.open("a") as file:
        file.write(json.dumps({"n": 6, "cwd": str(project)}) + "\n")
    person.ship()
    with transcript.open("a") as file:
        file.write(json.dumps({"n": 7, "title": "of what was done there"}) + "\n")

    assert person.ship().returncode == 0

    assert numbers(server, transcript) == [0, 1, None, None, 4, 5, None, None]


@pytest.mark.parametrize("lost", [1, 100_000], ids=["one range", "many ranges"])
def test_a_log_that_was_lost_sends_nothing_that_belongs_there(person: Person, server: CaptureServer, project: Path, lost: int) -> None:
    set_left_out(person, project)
    transcript = session(person, *["/home/ann/shop"] * lost, project)
    person.ship()
    # Given a record without a folder, which belongs to the one before
    with transcript.open("a") as file:
        file.write(json.dumps({"type": "queue-operation", "n": -1, "content": "what to do in secret-project"}) + "\n")
    (person.folder / "sent.jsonl").unlink()

    assert person.ship().returncode == 0

    assert numbers(server, transcript)[-3:] == [lost - 1, None, None]


def test_a_folder_that_a_text_speaks_of_is_not_that_of_the_record(person: Person, server: CaptureServer, project: Path) -> None:
    set_left_out(person, project)
    transcript = session(person, "/home/ann/shop")
    with transcript.open("a") as file:
        file.write(json.dumps({"n": 1, "toolUseResult": {"cwd": str(project)}, "cwd": "/home/ann/shop"}) + "\n")

    person.ship()

    assert numbers(server, transcript) == [0, 1]


def test_a_session_without_any_folder_waits_for_one(person: Person, server: CaptureServer) -> None:
    transcript = session(person, None, None)
    person.ship()
    assert not server.has(transcript.stem)
    with transcript.open("a") as file:
        file.write(json.dumps({"n": 2, "cwd": "/home/ann/shop"}) + "\n")

    person.ship()

    assert numbers(server, transcript) == [0, 1, 2]


def test_a_folder_that_is_not_left_out_any_more_is_sent(person: Person, server: CaptureServer, project: Path) -> None:
    (project / ".tracker-ignore").touch()
    transcript = session(person, project)
    person.ship()
    (project / ".tracker-ignore").unlink()

    person.ship()

    assert numbers(server, transcript) == [0]


def test_the_report_names_no_session_that_is_left_out(person: Person, server: CaptureServer, project: Path) -> None:
    set_left_out(person, project)
    transcript = session(person, project)
    os.utime(transcript, (1_700_000_000, 1_700_000_000))

    person.ship()

    assert server.reports[-1]["expiring"] == []


@pytest.mark.parametrize(
    ("folder", "is_left_out"),
    [
        ("/a/b", True),
        ("/a/b/", True),
        ("/a/b/c/d", True),
        ("/a/bc", False),
        ("/a", False),
        ("/a/c/../b", True),
        ("/a/b\0", False),
        ("", False),
    ],
)
def test_a_folder_and_what_lies_in_it_is_left_out(folder: str, is_left_out: bool) -> None:
    assert LeftOut(["/a/b"]).has(folder) == is_left_out
