"""A canary that nobody answers while the stack starts is no warning; later it is one."""

import pytest
import structlog.testing

from services.worker.drain import canary
from services.worker.resources import Resources


@pytest.mark.parametrize(("start_seconds", "said"), [(3600.0, ("info", "canary_waits")), (0.0, ("warning", "canary_failed"))])
def test_a_canary_without_an_answer_is_a_warning_once_the_stack_has_started(
    worker: Resources, monkeypatch: pytest.MonkeyPatch, start_seconds: float, said: tuple[str, str]
) -> None:
    object.__setattr__(worker, "settings", worker.settings.model_copy(update={"canary_url": "http://gateway.invalid:8000"}))
    monkeypatch.setattr(canary, "START_SECONDS", start_seconds)

    with structlog.testing.capture_logs() as lines:
        canary.check_and_send(worker)

    assert [(line["log_level"], line["event"], line["error"]) for line in lines] == [(*said, "gaierror")]
