"""Which transcripts the shipper looks at, and for how long, by the few hooks that fire for no call."""

import time
from pathlib import Path
from typing import Any

import pytest

from client.capture.transcripts.sent import SentLog
from client.capture.transcripts.transcript_files import Transcript
from client.capture.watched import Watched
from shared.sessions.session_state import QUIET_SECONDS


class Clock:
    """The time that passes here."""

    now = 1_000.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", lambda: clock.now)
    return clock


@pytest.fixture
def transcript(tmp_path: Path) -> Path:
    path = tmp_path / "projects/-home-ann-shop/5f0c4a52-0000-4000-8000-000000000001.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text("{}\n")
    return path


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched([], SentLog(tmp_path))


def grown(_: Transcript) -> bool:
    return True


def sent(_: Transcript) -> bool:
    return False


def hook(transcript: Path, event: str, **more: Any) -> dict[str, Any]:
    return {"hook_event_name": event, "transcript_path": str(transcript), **more}


@pytest.mark.parametrize("over", ["Stop", "StopFailure", "SessionEnd"])
def test_a_turn_goes_on_from_its_prompt_to_its_end(watched: Watched, transcript: Path, over: str) -> None:
    watched.on_hook(hook(transcript, "SessionStart"))
    assert not watched.is_in_turn

    watched.on_hook(hook(transcript, "UserPromptSubmit"))
    assert watched.is_in_turn
    watched.on_hook(hook(transcript, "Notification"))
    assert watched.is_in_turn

    watched.on_hook(hook(transcript, over))
    assert not watched.is_in_turn


def test_an_interrupted_turn_keeps_the_shipper_only_as_long_as_the_server_takes_it_for_working(
    watched: Watched, transcript: Path, clock: Clock
) -> None:
    # Given a turn that a person stops: no hook tells
    watched.on_hook(hook(transcript, "UserPromptSubmit"))

    clock.now += QUIET_SECONDS - 1
    watched.changed(sent)
    assert watched.is_in_turn

    clock.now += 1
    watched.changed(sent)
    assert not watched.is_in_turn


def test_a_subagents_transcript_is_found_without_a_hook_of_its_own(watched: Watched, transcript: Path, clock: Clock) -> None:
    watched.on_hook(hook(transcript, "UserPromptSubmit"))
    assert [found.path for found in watched.changed(grown)] == [str(transcript)]
    agent = transcript.with_suffix("") / "subagents/agent-a1.jsonl"
    agent.parent.mkdir(parents=True)
    agent.write_text("{}\n")

    # Within a second
    clock.now += 1.0

    assert [found.path for found in watched.changed(grown)] == [str(transcript), str(agent)]
