"""Which parts of a shell command run tests, and how a run ended, by what it printed."""

import pytest

from services.worker.persist.derived_values.outcomes_of_calls import Ended, how_it_ended, parts_that_test, runs_of_tests
from shared.claude_formats.call_outcome import RunOfTests


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
        ("rtk cargo test --all", ["rtk cargo test --all"]),
        ("rtk test cargo test", ["rtk test cargo test"]),
        ("time pytest -q", ["time pytest -q"]),
        ("docker compose exec app pytest -q", ["docker compose exec app pytest -q"]),
        ("docker compose exec -T -e CI=1 app pytest -q tests", ["docker compose exec -T -e CI=1 app pytest -q tests"]),
        ("docker-compose run --rm web npm test", ["docker-compose run --rm web npm test"]),
        ("docker exec -it shop-api python -m pytest", ["docker exec -it shop-api python -m pytest"]),
        ("uv run -m pytest -q", ["uv run -m pytest -q"]),
        ("uv run --with pytest-xdist pytest -n 4", ["uv run --with pytest-xdist pytest -n 4"]),
        ("npx --yes vitest run", ["npx --yes vitest run"]),
        ("pnpm -C packages/shop test", ["pnpm -C packages/shop test"]),
        ("pnpm --filter @ann/shop run test -- --run", ["pnpm --filter @ann/shop run test -- --run"]),
        ("yarn workspace shop test", ["yarn workspace shop test"]),
        ("bun test src", ["bun test src"]),
        ("bun --cwd web test", ["bun --cwd web test"]),
        ("node --test", ["node --test"]),
        ("make -C api lint test", ["make -C api lint test"]),
        ("mise run test:integration -- -run TestX", ["mise run test:integration -- -run TestX"]),
        ("mise x -- go test ./...", ["mise x -- go test ./..."]),
        ("docker exec app sh -c 'cd web && npm test'", ["npm test"]),
        ('wsl -e bash -lc "cd api\ngo test ./..."', ["go test ./..."]),
        ("bash -c 'bash -c \"bash -c pytest\"'", []),
        ("make latest", []),
        ("docker compose up -d test", []),
        ("npm run build && npm publish --tag test", []),
        ("uv run python load.py", []),
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
        (" 1274 pass\n 0 fail\n 3120 expect() calls\nRan 1274 tests across 88 files. [12.1s]", Ended("passed", 1274, 0)),
        ("12 pass\n 1 skip\n 2 fail", Ended("failed", 12, 2)),
        ("✓ cargo test: 137 passed (4 suites, 1.45s)", Ended("passed", 137, 0)),
        ("Pytest: 5 passed, 1 failed\n═══════", Ended("failed", 5, 1)),
        ("PASS (13) FAIL (2)\n\n1. adds", Ended("failed", 13, 2)),
        ("     Summary [   0.512s] 12 tests run: 11 passed, 1 failed, 0 skipped", Ended("failed", 11, 1)),
        ("DONE 12 tests, 1 failure in 2.301s", Ended("failed", 11, 1)),
        ("OK (12 tests, 34 assertions)", Ended("passed", 12, 0)),
        ("FAILURES!\nTests: 12, Assertions: 34, Failures: 2.", Ended("failed", 10, 2)),
        ("ok | 5 passed | 0 failed (12ms)", Ended("passed", 5, 0)),
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


def test_each_part_of_a_call_that_runs_tests_is_a_run() -> None:
    assert runs_of_tests("success", "pytest a; pytest b | tail", "3 passed in 1s") == [
        RunOfTests("pytest a", "passed", 3, 0),
        RunOfTests("pytest b", "passed", 3, 0),
    ]
    assert runs_of_tests("success", "ls", "3 passed in 1s") == []


def test_a_hostile_command_takes_no_time() -> None:
    # Each of these made a pattern of an earlier draft go over the text again and again.
    for text in (
        "<<a " * 5_000,
        "npm " + "-a " * 5_000,
        '"' * 9_999,
        "a=1 " * 5_000 + "x",
        "mvn " + "a " * 5_000,
        "make " + "-a " * 5_000,
        "uv run " * 5_000,
        "docker exec " + "-a b " * 5_000,
        "bash -c '" * 5_000,
        "time -a " * 5_000,
        "1 passed " * 5_000,
        "Tests: " + "1 failed, " * 5_000,
        "(" * 10_000,
        " " * 10_000 + "x",
    ):
        parts_that_test(text)
        how_it_ended("success", text, text)
