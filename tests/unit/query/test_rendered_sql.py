"""Some statements are composed; what they become is committed, so that reviews and EXPLAIN see what runs."""

import re

from tests.unit.query.rendered_sql import FOLDERS, rendered

UNFILLED = re.compile(r"\{\w+\}")


def test_the_committed_statements_are_those_that_run() -> None:
    expected = dict(rendered())
    assert {path: path.read_text(encoding="utf-8") for folder in FOLDERS for path in folder.glob("*.sql")} == expected, "make render-sql"


def test_a_composed_statement_has_no_part_that_was_not_filled() -> None:
    unfilled = {path.name: part for path, text in rendered() for part in UNFILLED.findall(text)}

    assert unfilled == {}
