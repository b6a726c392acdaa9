"""Commits and pull requests, as commands and their results tell them."""

from datetime import UTC, datetime

import pytest

from services.query.queries.outcomes.commits import Outcomes

AT = datetime(2024, 3, 6, 12, tzinfo=UTC)
HEREDOC = "git add -A && git commit -q -m \"$(cat <<'EOF'\nfeat: retry failed uploads\n\nMore of it.\nEOF\n)\""


def commits(*calls: tuple[str, str]) -> list[tuple[str | None, str]]:
    found = Outcomes([], [])
    for command, result in calls:
        found.add(AT, "Bash", command, result)
    return [(each.hash, each.subject) for each in found.commits]


def pull_requests(*calls: tuple[str, str, str]) -> list[str]:
    found = Outcomes([], [])
    for tool_name, command, result in calls:
        found.add(AT, tool_name, command, result)
    return [each.url for each in found.pull_requests]


@pytest.mark.parametrize(
    ("command", "result", "expected"),
    [
        ("git commit -m x", "[main 1a2b3c4] Retry uploads\n 1 file changed", [("1a2b3c4", "Retry uploads")]),
        ("git commit -m x", "[main (root-commit) 1a2b3c4] Begin", [("1a2b3c4", "Begin")]),
        ("git commit -m x", "[detached HEAD 1a2b3c4] Try it\r\n", [("1a2b3c4", "Try it")]),
        ("git -C /home/ann/shop commit -m x", "ruff....Passed\n[fix/uploads 1a2b3c4d5] Try it", [("1a2b3c4d5", "Try it")]),
        ("git commit -m a && git commit -m b", "[main 1111111] a\n 1 file\n[main 2222222] b\n", [("1111111", "a"), ("2222222", "b")]),
        ("git commit -qm 'Retry uploads'", "", [(None, "Retry uploads")]),
        ('git commit -q --message="Retry uploads"', "", [(None, "Retry uploads")]),
        (HEREDOC, "", [(None, "feat: retry failed uploads")]),
        ("git commit -q --file=message.txt", "", []),
        ("git log --grep commit", "[main 1a2b3c4] Not made", [("1a2b3c4", "Not made")]),
        ("cat notes; echo commit", "[main 1a2b3c4] Not made", []),
        ("git status", "[main 1a2b3c4] Not made", []),
    ],
)
def test_a_commit_is_what_git_printed_or_the_message_of_a_quiet_one(
    command: str, result: str, expected: list[tuple[str | None, str]]
) -> None:
    assert commits((command, result)) == expected


def test_an_amended_commit_takes_the_place_of_the_one_before() -> None:
    first, amended = ("git commit -m a", "[main 1111111] a"), ("git commit --amend --no-edit", "[main 2222222] a")

    assert commits(first, amended) == [("2222222", "a")]
    assert commits(amended) == [("2222222", "a")]


def test_a_long_subject_is_cut() -> None:
    [(_, subject)] = commits(("git commit -m x", f"[main 1111111] {'x' * 1000}"))

    assert len(subject) == 200


@pytest.mark.parametrize(
    ("tool_name", "command", "result", "expected"),
    [
        ("Bash", "gh pr create --fill", "https://github.com/ann/shop/pull/12\n", ["https://github.com/ann/shop/pull/12"]),
        ("Bash", "glab mr create", "!3\nhttps://gitlab.com/a/b/-/merge_requests/3", ["https://gitlab.com/a/b/-/merge_requests/3"]),
        ("mcp__github__create_pull_request", "", '{"html_url":"https://github.com/a/b/pull/7"}', ["https://github.com/a/b/pull/7"]),
        ("Bash", "gh pr view 12", "https://github.com/ann/shop/pull/12", []),
        ("Bash", "gh pr create --web", "Opening in your browser.", []),
    ],
)
def test_a_pull_request_is_the_address_that_its_opening_printed(tool_name: str, command: str, result: str, expected: list[str]) -> None:
    assert pull_requests((tool_name, command, result)) == expected
    assert pull_requests((tool_name, command, result), (tool_name, command, result)) == expected
