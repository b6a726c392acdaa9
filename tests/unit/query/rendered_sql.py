"""Composed statements as they run, those of searches for representative queries. `make render-sql` writes them again."""

from collections.abc import Iterator
from pathlib import Path

from services.query.queries.search.document_conditions import Conditions

from services.query.queries.lists import live_sessions, sessions
from services.query.queries.search import document_conditions, noted_messages, query_language

OF_LISTS, OF_SEARCHES = FOLDERS = [Path(module.__file__).parent / "rendered" for module in (sessions, document_conditions)]
QUERIES = {
    "words": "left right",
    "phrase": '"every day" -"by night"',
    "alternatives": '"every day" or needle -/tmp',
}


def rendered() -> Iterator[tuple[Path, str]]:
    """Each file, and what is to be in it."""
    yield OF_LISTS / "sessions.sql", f"{sessions.SESSIONS}\n"
    yield OF_LISTS / "live_sessions.sql", f"{live_sessions.LIVE_SESSIONS}\n"
    literal = document_conditions.of_literal("fix(", "result", lambda *_: ["prefix"], is_case_sensitive=False)
    for name, query in QUERIES.items():
        yield OF_SEARCHES / f"documents_by_index_of_{name}.sql", f"-- {query}\n{of_words(query).statement('matches')}\n"
    yield OF_SEARCHES / "documents_by_index_of_literal.sql", f"-- fix( in results\n{literal.statement('matches')}\n"
    # Without the index the same two conditions stand elsewhere, so one of them shows all.
    looked_at = of_words(QUERIES["alternatives"]).statement("matches", by_index=False)
    yield OF_SEARCHES / "documents_looked_at_of_alternatives.sql", f"-- {QUERIES['alternatives']}\n{looked_at}\n"
    for statement in ("noted_texts", "noted_matches"):
        sql = noted_messages.filled(of_words(QUERIES["phrase"]), statement)
        yield OF_SEARCHES / f"{statement}_of_phrase.sql", f"-- {QUERIES['phrase']}\n{sql}\n"


def of_words(query: str) -> Conditions:
    """As /api/search composes them."""
    return document_conditions.of_words(query_language.parse(query), None, None)


if __name__ == "__main__":
    for folder in FOLDERS:
        folder.mkdir(exist_ok=True)
    for path, text in rendered():
        path.write_text(text, encoding="utf-8")
