"""The rules why tool calls fail: each gives its example its class, and a person may add some."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.worker.persist.derived_values import error_classes
from services.worker.persist.derived_values.error_classes import (
    OTHER,
    UNCLASSIFIED,
    ErrorClasses,
    InvalidRules,
    error_class_of,
    own_rules,
    rules_of,
)
from shared.terms import terms

STATUSES = ("error", "rejected", "cancelled", "timeout")


@pytest.fixture
def read_again() -> Iterator[None]:
    """Reads the rules again, before and after."""
    error_classes.error_classes.cache_clear()
    yield
    error_classes.error_classes.cache_clear()


@pytest.mark.parametrize("rule", own_rules(), ids=lambda rule: f"{rule.error_class}: {rule.example[:40]!r}")
def test_each_rule_gives_its_example_its_class(rule: error_classes.Rule) -> None:
    tool_name = rule.tools[0].replace("*", "total") if rule.tools else "Bash"
    status = min(rule.statuses, default="error")
    refused_by = min(rule.refused_by, default=None)
    assert ErrorClasses(own_rules()).of(tool_name, status, rule.example, refused_by) == rule.error_class


@pytest.mark.parametrize(
    ("tool_name", "status", "text", "expected"),
    [
        ("Bash", "success", "Exit code 1", None),
        ("Bash", "pending", "", None),
        ("Read", "error", "", "other"),
        ("Read", "error", "something else", "other"),
        ("Bash", "error", "", "other"),
        ("Bash", "rejected", "", "rejected"),
        ("Bash", "cancelled", "", "interrupted"),
        ("Bash", "timeout", "", "timeout"),
        ("Read", "cancelled", "<tool_use_error>Sibling tool call errored</tool_use_error>", "sibling_failed"),
        ("Bash", "error", "Exit code 1\nline\n" * 5000 + "--- FAIL: TestTotal (0.00s)", "test_failed"),
        ("Read", "error", "EACCES \ud800", "other"),
        ("mcp__shop__total", "error", "no such total", "mcp"),
        ("Bash", "error", "Exit code 5\njq: parse error: Invalid numeric literal at line 1, column 7", "invalid_data"),
        ("Bash", "error", "Exit code 3\njq: error: syntax error, unexpected INVALID_CHARACTER at <top-level>, line 1:", "wrong_usage"),
        ("Bash", "error", "Exit code 2\nerror: unrecognized subcommand 'chek'\n\n  tip: a similar subcommand exists", "wrong_usage"),
        ("Bash", "error", "Exit code 1\n(eval):1: parse error near `('", "wrong_usage"),
        ("Bash", "error", "Exit code 2\n/bin/bash: -c: line 1: unexpected EOF while looking for matching `\"'", "wrong_usage"),
        ("Bash", "error", "Exit code 1\nunknown flag: --stat\n\nUsage:  gh pr diff [<number>]", "wrong_usage"),
        ("Bash", "error", 'Exit code 1\nnpm error Missing script: "chek"', "wrong_usage"),
        ("Bash", "error", "Exit code 2\nmake: *** No rule to make target 'chek'.  Stop.", "wrong_usage"),
        ("Bash", "error", "Exit code 1\nDiff in /home/ann/shop/src/main.rs:12:\n-fn  a() {}", "build_failed"),
        ("Bash", "error", "Exit code 1\nREADME.md:3:81 error MD013/line-length Line length [Expected: 80; Actual: 95]", "build_failed"),
        ("Bash", "error", "Exit code 1\nREADME.md:3:81 MD013/line-length Line length", "build_failed"),
        ("Bash", "error", "Exit code 7", "network"),
        ("Bash", "error", "Exit code 22\ncurl: (22) The requested URL returned error: 404", "network"),
        ("Bash", "error", "Exit code 2\ncurl: (2) no URL specified", "wrong_usage"),
        ("Bash", "error", "Exit code 1\ngh: Not Found (HTTP 404)", "network"),
        ("Bash", "error", "Exit code 1\nTraceback (most recent call last):\n  File \"a.py\", line 1\nKeyError: 'a'", "crashed"),
        ("Bash", "error", "Exit code 101\nthread 'main' panicked at src/main.rs:2:5:\nboom", "crashed"),
        ("Bash", "error", "Exit code 137", "crashed"),
        ("Bash", "error", "Exit code 124", "timeout"),
        ("Bash", "error", "Exit code 127", "command_not_found"),
        ("Bash", "error", "Exit code 1\nERROR: No matching distribution found for shop==9", "missing_package"),
        ("Bash", "error", "Exit code 1\nThe shop is closed today.", "command_failed"),
        ("Bash", "error", "<tool_use_error>Blocked: sleep 40 followed by: echo a. Use Monitor.</tool_use_error>", "permission"),
        ("Edit", "error", "Found 3 matches of the string to replace, but replace_all is false.", "edit_not_matched"),
    ],
)
def test_the_first_rule_that_fits_gives_the_class(tool_name: str, status: str, text: str, expected: str | None) -> None:
    assert error_class_of(tool_name, status, text) == expected


@given(tool_name=st.text(max_size=30), status=st.sampled_from(STATUSES), text=st.text(max_size=300))
def test_every_failed_call_has_a_class_of_the_rules(tool_name: str, status: str, text: str) -> None:
    assert error_class_of(tool_name, status, text) in {OTHER, *(rule.error_class for rule in own_rules())}


@pytest.mark.usefixtures("read_again")
def test_rules_of_the_settings_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text('[[rule]]\nclass = "migration_locked"\npattern = "LockNotAvailable"\ntools = ["Bash"]\n')
    monkeypatch.setenv("TRACKER_ERROR_CLASSES", str(rules))

    assert error_class_of("Bash", "error", "Exit code 1\nLockNotAvailable: canceling statement") == "migration_locked"
    assert error_class_of("Read", "error", "LockNotAvailable") == "other"
    assert error_class_of("Bash", "error", "Exit code 1") == "no_output"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("class = ", "rules.toml: "),
        ("rules = []", "tables"),
        ("rule = 3", "tables"),
        ("rule = [3]", "fields"),
        ('[[rule]]\nclass = "Not Lower"\npattern = "x"', "class"),
        ('[[rule]]\nclass = "other"\npattern = "x"', "class"),
        ('[[rule]]\nclass = "all"', "every call"),
        ('[[rule]]\nclass = "a"\npattern = "x"\n[[rule]]\nclass = "b"\npattern = "(?=x)"', "rule 2: pattern"),
        ('[[rule]]\nclass = "a"\npattern = 3', "texts"),
        ('[[rule]]\nclass = "a"\ntools = "Bash"', "lists"),
        ('[[rule]]\nclass = "a"\nstatuses = ["success"]', "statuses"),
        ('[[rule]]\nclass = "a"\nrefused_by = ["nobody"]', "refused_by"),
        ('[[rule]]\nclass = "a"\nregex = "x"', "fields"),
    ],
)
def test_a_rule_that_is_wrong_is_named(tmp_path: Path, content: str, reason: str) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text(content)
    with pytest.raises(InvalidRules, match=reason):
        rules_of(rules)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidRules, match=r"nothing.toml cannot be read"):
        rules_of(tmp_path / "nothing.toml")


def test_the_names_that_answers_offer_are_those_of_the_rules() -> None:
    assert {rule.error_class for rule in own_rules()} | {OTHER, UNCLASSIFIED} == {*terms().error_classes}
