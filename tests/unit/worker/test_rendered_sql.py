"""The composed statements are committed as the text that the worker sends, so that a review sees it and EXPLAIN can take it."""

from services.worker.render_sql import FOLDER, rendered
from services.worker.sql_text import listed, sql


def test_the_committed_sql_is_what_the_worker_sends() -> None:
    committed = {file.name: file.read_text(encoding="utf-8") for file in FOLDER.glob("*.sql")}
    differing = sorted(name for name in rendered().keys() | committed.keys() if rendered().get(name) != committed.get(name))
    assert differing == [], "run `make render-sql` and look at the difference"


def test_no_part_of_a_template_is_left_in_a_statement() -> None:
    assert [name for name, text in rendered().items() if "$" in text] == []


def test_a_part_of_several_lines_is_indented_like_its_line() -> None:
    text = sql(
        """
        SELECT *
        FROM (
            $rows
        ) AS r
        $where""",
        rows="SELECT 1\nUNION ALL\nSELECT 2",
        where="",
    )
    assert text == "SELECT *\nFROM (\n    SELECT 1\n    UNION ALL\n    SELECT 2\n) AS r"


def test_a_list_is_broken_between_its_items_only() -> None:
    assert listed(["a", "coalesce(b, 0)", "c"], width=20) == "a, coalesce(b, 0), c"
    assert listed(["a", "coalesce(b, 0)", "c"], width=17) == "a, coalesce(b, 0),\nc"
