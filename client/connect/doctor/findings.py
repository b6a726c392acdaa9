"""The findings of a check of `tracker doctor`."""

from dataclasses import dataclass
from typing import Final, Literal

Status = Literal["ok", "warning", "failed", "skipped"]
SIGNS: Final[dict[Status, str]] = {"ok": "✓", "warning": "!", "failed": "✗", "skipped": "-"}


@dataclass(frozen=True, slots=True)
class Finding:
    """`text` says what is, `cure` in one sentence what to do about it."""

    step: str
    status: Status
    text: str
    cure: str | None = None


def ok(step: str, text: str) -> Finding:
    return Finding(step, "ok", text)


def warning(step: str, text: str, cure: str) -> Finding:
    return Finding(step, "warning", text, cure)


def failed(step: str, text: str, cure: str) -> Finding:
    return Finding(step, "failed", text, cure)


def skipped(step: str, text: str) -> Finding:
    return Finding(step, "skipped", text)
