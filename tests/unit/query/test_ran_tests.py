"""Which parts of a shell command run tests, and how a run ended, by what it printed."""

from uuid import UUID

import pytest

from services.query.queries.outcomes.ran_tests import Ended, RunsOfTests, how_it_ended, parts_that_test

CALL = UUID(int=1)


@pytest.mark.parametrize(
    ("command", "found"),
    [
        ("cd web && npm test 2>&1 | tail -5", ["npm test"]),
        ("CI=1 uv run pytest -q tests/unit -k 'a and b' > out.txt", ["CI=1 uv run pytest -q tests/unit -k 'a and b'"]),
        ("timeout 60 nice -n 15 .venv/bin/python -m pytest -q", ["timeout 60 nice -n 15 .venv/bin/python -m pytest -q"]),
        ("cargo test --workspace && cargo clippy", ["cargo test --workspace"]),
        ("go build ./... && go test ./...", ["go test ./..."]),
        ("./gradlew :app:test", ["./gradlew :app:test"]),
        ("npm --prefix web run test:unit -- --run", ["npm --prefix web run test:unit -- --run"]),
        ("pytest a; pytest b; pytest a", ["pytest a", "pytest b"]),
        ("for i in 1 2; do pytest -q; done", ["pytest -q"]),
        ("(cd api && make test)", ["make test"]),
        ('git commit -m "run npm test; pytest"', []),
        ("cat > run.sh <<'EOF'\npytest\nEOF\nls", []),
        ("npm install jest", []),
        ("echo pytest", []),
        ("grep -rn pytest .", []),
        ("vim tests/test_a.py", []),
        ("", []),
    ],
)
def test_parts_of_a_command_that_run_tests(command: str, found: list[str]) -> None:
    assert parts_that_test(command) == found


@pytest.mark.parametrize(
    ("printed", "ended"),
    [
        ("=== 1 failed, 12 passed, 1 error in 0.5s ===", Ended("failed", 12, 2)),
        ("....\n12 passed, 3 skipped, 1 warning in 0.51s", Ended("passed", 12, 0)),
        ("1 passed in 1s\n2 failed in 1s", Ended("failed", 0, 2)),
        ("Tests:       1 failed, 5 passed, 6 total", Ended("failed", 5, 1)),
        (" Test Files  1 passed (1)\n      Tests  2 failed | 12 passed (14)", Ended("failed", 12, 2)),
        ("test result: ok. 5 passed; 0 failed; 0 ignored\ntest result: ok. 1 passed; 0 failed; 0 ignored", Ended("passed", 6, 0)),
        ("ok  \tx/y\t0.1s\nFAIL\tx/z\t0.2s\nFAIL", Ended("failed")),
        ("ok  \tx/y\t(cached)", Ended("passed")),
        ("Ran 3 tests in 0.1s\n\nFAILED (failures=1, errors=1)", Ended("failed", 1, 2)),
        ("Ran 3 tests in 0.1s\n\nOK", Ended("passed", 3, 0)),
        ("--- FAIL: TestX (0.00s)\nFAIL\texample.com/x\t0.1s", Ended("failed")),
        ("=== RUN   TestX\n--- PASS: TestX (0.00s)\nPASS", Ended("passed")),
        ("Finished in 0.2 seconds\n2 doctests, 12 tests, 1 failure", Ended("failed", 11, 1)),
        ("10 examples, 0 failures", Ended("passed", 10, 0)),
        ("Tests run: 10, Failures: 1, Errors: 1, Skipped: 0", Ended("failed", 8, 2)),
        ("# tests 3\n# pass 2\n# fail 1", Ended("failed", 2, 1)),
        ("  5 passing (10ms)\n  1 failing", Ended("failed", 5, 1)),
        ("  12 passed (3.4s)", Ended("passed", 12, 0)),
    ],
)
def test_the_summary_tells_how_tests_ended_whatever_the_pipe_says(printed: str, ended: Ended) -> None:
    assert how_it_ended("success", "npm test 2>&1 | tail", printed) == ended


@pytest.mark.parametrize(
    ("status", "command", "result"),
    [
        ("success", "npm test", "passed"),
        ("error", "npm test", "failed"),
        ("timeout", "npm test", "failed"),
        ("success", "npm test | tail", "unknown"),
        ("success", "npm test || true", "unknown"),
        ("success", "npm test; echo done", "unknown"),
    ],
)
def test_without_a_summary_the_end_of_the_call_counts_where_nothing_hides_it(status: str, command: str, result: str) -> None:
    assert how_it_ended(status, command, "").result == result


def test_of_a_command_the_last_run_is_told_and_all_are_counted() -> None:
    runs = RunsOfTests({})
    for status, command, printed in (
        ("error", "pytest a", "1 failed in 1s"),
        ("success", "pytest b", "2 passed in 1s"),
        ("success", "cd x; pytest a", "3 passed in 1s"),
    ):
        runs.add(CALL, "a", None, status, command, printed)

    assert [(each.command, each.runs, each.failed_runs, each.last_result, each.passed) for each in runs.commands.values()] == [
        ("pytest b", 1, 0, "passed", 2),
        ("pytest a", 2, 1, "passed", 3),
    ]


def test_a_hostile_command_takes_no_time() -> None:
    # Each of these made a pattern of an earlier draft go over the text again and again.
    for text in (
        "<<a " * 5_000,
        "npm " + "-a " * 5_000,
        '"' * 9_999,
        "a=1 " * 5_000 + "x",
        "mvn " + "a " * 5_000,
        "(" * 10_000,
        " " * 10_000 + "x",
    ):
        parts_that_test(text)
        how_it_ended("success", text, text)
