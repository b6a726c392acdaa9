"""Search statements are composed; what they become is committed, so that reviews and EXPLAIN see what runs."""

from tests.unit.query.rendered_search import FOLDER, rendered


def test_the_committed_statements_are_those_that_run() -> None:
    expected = dict(rendered())
    assert {path: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.sql")} == expected, "make render-sql"
