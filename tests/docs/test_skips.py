"""Reasons for skipped tests are in one place: tests/skips.py and the table of CONTRIBUTING.md."""

import ast
import re

from tests.docs.documents import ROOT
from tests.skips import NEEDS

OWN_WORDS = {"skip", "skipif", "importorskip", "xfail", "SkipTest"}


def test_tests_are_skipped_only_through_tests_skips() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in (ROOT / "tests").rglob("*.py")
        if path.name != "skips.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in OWN_WORDS
    ]
    assert found == []


def test_the_table_lists_exactly_the_needs() -> None:
    document = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table = document.partition("## What is skipped, and why")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE)) == set(NEEDS)
