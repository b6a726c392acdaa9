"""Composed statements as they run. `make show-sql` prints them."""

import re
from collections.abc import Iterator
from pathlib import Path

from services.query.queries import lists, stats, timeline
from services.query.queries.advice import advice
from services.query.queries.columns import COLUMNS
from services.query.queries.lists import live_sessions, sessions
from shared.sql_files import SqlFile

_PART = re.compile(r"\{(\w+)\}")


def composed() -> Iterator[tuple[str, str]]:
    """The name and the text of each statement that has parts."""
    yield "lists.sessions", sessions.SESSIONS
    yield "lists.live_sessions", live_sessions.LIVE_SESSIONS
    yield from ((f"advice.{name}", advice.STATEMENTS[name]) for name in advice.STATEMENTS)
    for package in (lists, stats, timeline):
        folder = Path(*package.__path__)
        parts = "parts.sql" if (folder / "parts.sql").exists() else None
        for path in sorted(folder.glob("*.sql")):
            text = path.read_text(encoding="utf-8")
            places = {*_PART.findall(text)}
            if path.name != "parts.sql" and places and (parts or "-- part: " in text or COLUMNS.keys() & places):
                statements = vars(SqlFile(package.__name__, path.name, parts, **COLUMNS)).items()
                yield from ((f"{folder.name}.{path.stem}.{name}", sql) for name, sql in statements)


if __name__ == "__main__":
    for name, sql in composed():
        print(f"-- {name}\n{sql}\n")
