"""Statements of .sql files are found by name, without the comments above them. No module names one that is not there, and none is left over."""

import re
from collections import defaultdict
from pathlib import Path

import services
import shared
from shared.sql_files import SqlFile

_LOADED = re.compile(
    r'(?:^(\w+)(?:: Final)? = )?SqlFile\(__package__, "(\w+\.sql)"(?:, (?:"parts\.sql"|\*\*\w+|\w+=\w+))?\)(?:\.(\w+))?', re.MULTILINE
)
_SQL = SqlFile("services.query.queries.stats", "stats.sql", "parts.sql")


def test_a_statement_ends_where_the_next_begins() -> None:
    assert _SQL.series_bounds.startswith("SELECT date_part")
    assert _SQL["series_bounds"].endswith("bucket_start > '-infinity'")


def test_comments_are_left_out() -> None:
    assert "--" not in _SQL.distinct_files


def test_parts_stand_in_their_places() -> None:
    assert "FROM unnest(%(grains)s::smallint[]" in _SQL.totals
    assert re.search(r"\{[a-z]\w*\}", _SQL.totals) is None


def test_every_statement_that_is_named_is_there_and_every_other_is_unused() -> None:
    named = defaultdict[Path, set[str]](set)
    for module in (path for package in (services, shared) for path in Path(*package.__path__).rglob("*.py")):
        text = module.read_text(encoding="utf-8")
        for variable, file, name in _LOADED.findall(text):
            # `_SQL.totals`, `_SQL[f"{kind}_names"]`, and any of the file in `_SQL[kind]` and `vars(_SQL)`
            asks = rf'\b{variable}(?:\.(\w+)|\[f"(.*?)"\]|\[(\w+)\])|\bvars\({variable}\)'
            asked = re.findall(asks, text) if not name else [(name, "", "")]
            named[module.parent / file] |= {
                exact or re.sub(r"\{\w+\}", r"\\w+", put_together) or r"\w+" for exact, put_together, _ in asked
            }
    wrong = []
    for path, patterns in named.items():
        there = re.findall(r"^-- name: (\w+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
        wrong += [f"{path.name}: no {pattern}" for pattern in patterns if not any(re.fullmatch(pattern, name) for name in there)]
        wrong += [f"{path.name}: {name} is unused" for name in there if not any(re.fullmatch(pattern, name) for pattern in patterns)]
    assert len(named) > 100 and wrong == []
