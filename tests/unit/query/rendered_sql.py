"""Composed statements as they run. `make render-sql` writes them again."""

import re
from collections.abc import Iterator
from pathlib import Path

from services.query.queries import lists, stats, timeline
from services.query.queries.columns import COLUMNS
from services.query.queries.lists import live_sessions, sessions
from shared.sql_files import SqlFile

_PART = re.compile(r"\{(\w+)\}")
_PACKAGES = (lists, stats, timeline)
FOLDERS = [Path(*package.__path__) / "rendered" for package in _PACKAGES]


def rendered() -> Iterator[tuple[Path, str]]:
    """Each file, and what is to be in it."""
    yield FOLDERS[0] / "sessions.sql", f"{sessions.SESSIONS}\n"
    yield FOLDERS[0] / "live_sessions.sql", f"{live_sessions.LIVE_SESSIONS}\n"
    for package, folder in zip(_PACKAGES, FOLDERS, strict=True):
        parts = "parts.sql" if (folder.parent / "parts.sql").exists() else None
        for path in sorted(folder.parent.glob("*.sql")):
            text = path.read_text(encoding="utf-8")
            places = {*_PART.findall(text)}
            if path.name != "parts.sql" and places and (parts or "-- part: " in text or COLUMNS.keys() & places):
                statements = vars(SqlFile(package.__name__, path.name, parts, **COLUMNS)).items()
                yield folder / path.name, "\n\n".join(f"-- name: {name}\n{sql}" for name, sql in statements) + "\n"


if __name__ == "__main__":
    for path, text in rendered():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
