"""The statements of search.sql as they run for representative queries. `make render-sql` writes them again."""

from collections.abc import Iterator
from pathlib import Path

from services.query.queries.search import search_strategy
from services.query.queries.search.search_strategy import QueryConditions
from shared.search_terms import parse_query

FOLDER = Path(search_strategy.__file__).parent / "rendered"
QUERIES = {
    "words": "left right",
    "phrase": '"every day" -"by night"',
    "alternatives": '"every day" or needle -/tmp',
}


def rendered() -> Iterator[tuple[Path, str]]:
    """Each file, and what is to be in it."""
    for statement in ("by_index", "walk"):
        for name, query in QUERIES.items():
            sql = QueryConditions(parse_query(query)).statement(statement)
            yield FOLDER / f"{statement}_of_{name}.sql", f"-- {query}\n{sql}\n"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for path, text in rendered():
        path.write_text(text, encoding="utf-8")
