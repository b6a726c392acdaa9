"""The statements of documents.sql and conversations.sql as they run for representative queries. `make render-sql` writes them again."""

from collections.abc import Iterator
from pathlib import Path

from services.query.queries.search import document_conditions, noted_messages, query_language
from services.query.queries.search.document_conditions import Conditions

FOLDER = Path(document_conditions.__file__).parent / "rendered"
QUERIES = {
    "words": "left right",
    "phrase": '"every day" -"by night"',
    "alternatives": '"every day" or needle -/tmp',
}


def rendered() -> Iterator[tuple[Path, str]]:
    """Each file, and what is to be in it."""
    literal = document_conditions.of_literal("fix(", "result", lambda *_: ["prefix"], is_case_sensitive=False)
    for name, query in QUERIES.items():
        yield FOLDER / f"documents_by_index_of_{name}.sql", f"-- {query}\n{of_words(query).statement('matches')}\n"
    yield FOLDER / "documents_by_index_of_literal.sql", f"-- fix( in results\n{literal.statement('matches')}\n"
    # Without the index the same two conditions stand elsewhere, so one of them shows all.
    looked_at = of_words(QUERIES["alternatives"]).statement("matches", by_index=False)
    yield FOLDER / "documents_looked_at_of_alternatives.sql", f"-- {QUERIES['alternatives']}\n{looked_at}\n"
    yield FOLDER / "sessions_with_of_phrase.sql", f"-- {QUERIES['phrase']}\n{of_words(QUERIES['phrase']).statement('sessions_with')}\n"
    for statement in ("noted_texts", "noted_matches"):
        sql = noted_messages.filled(of_words(QUERIES["phrase"]), statement)
        yield FOLDER / f"{statement}_of_phrase.sql", f"-- {QUERIES['phrase']}\n{sql}\n"


def of_words(query: str) -> Conditions:
    """As /api/search composes them."""
    return document_conditions.of_words(query_language.parse(query), None, None)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for path, text in rendered():
        path.write_text(text, encoding="utf-8")
