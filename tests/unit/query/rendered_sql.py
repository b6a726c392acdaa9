"""Composed statements of lists as they run. `make render-sql` writes them again."""

from collections.abc import Iterator
from pathlib import Path

from services.query.queries.lists import live_sessions, sessions

FOLDER = Path(sessions.__file__).parent / "rendered"


def rendered() -> Iterator[tuple[Path, str]]:
    """Each file, and what is to be in it."""
    yield FOLDER / "sessions.sql", f"{sessions.SESSIONS}\n"
    yield FOLDER / "live_sessions.sql", f"{live_sessions.LIVE_SESSIONS}\n"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for path, text in rendered():
        path.write_text(text, encoding="utf-8")
