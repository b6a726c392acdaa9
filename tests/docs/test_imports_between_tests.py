"""Helpers that several test modules need are in modules and fixtures of their own."""

import ast

from tests.docs.documents import ROOT


def test_no_module_imports_from_a_test_module() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in (ROOT / "tests").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("tests.")
        if any(name.startswith("test_") for name in (node.module.rpartition(".")[2], *(each.name for each in node.names)))
    ]
    assert found == []
