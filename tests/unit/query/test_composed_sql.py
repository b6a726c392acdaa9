"""Some statements are composed of parts."""

import re

from tests.unit.query.composed_sql import composed

UNFILLED = re.compile(r"\{\w+\}")


def test_a_composed_statement_has_no_part_that_was_not_filled() -> None:
    unfilled = {name: part for name, sql in composed() for part in UNFILLED.findall(sql)}

    assert unfilled == {}
    assert len(dict(composed())) > 10
