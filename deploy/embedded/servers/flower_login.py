"""The login of Flower, which shows every task and can stop workers. There is always one."""

import os
import secrets
from pathlib import Path

_NAME = "tracker"


def flower_login(asked: str | None, file: Path) -> str:
    """`name:password`: the configured login, else one with a random password, made once and kept in `file` for its owner alone."""
    if asked:
        return asked
    if not file.exists():
        _write(file, f"{_NAME}:{secrets.token_urlsafe(18)}")
    return file.read_text(encoding="utf-8").strip()


def _write(file: Path, login: str) -> None:
    """Writes the file atomically, readable only by its owner from the start."""
    draft = file.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as new:
        new.write(f"{login}\n")
    draft.replace(file)
