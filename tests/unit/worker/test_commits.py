"""Commits and pull requests, as commands and their results tell them."""

import pytest

from services.worker.persist.derived_values.outcomes_of_calls import amends, commits_of, pull_requests_of

HEREDOC = "git add -A && git commit -q -m \"$(cat <<'EOF'\nfeat: retry failed uploads\n\nMore of it.\nEOF\n)\""


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
        ("git add -A && rtk git commit -m 'Retry uploads'", "ok ✓ 1a2b3c4\n", [("1a2b3c4", "Retry uploads")]),
        ("rtk git commit -m 'Retry uploads'", "ok 1a2b3c4d5", [("1a2b3c4d5", "Retry uploads")]),
        ("rtk proxy git -C shop commit -F note.txt", "✓ 1a2b3c4", [("1a2b3c4", "1a2b3c4")]),
        ("rtk git commit -m 'a' && rtk git commit -m 'b'", "ok ✓ 1111111\nok ✓ 2222222", [("1111111", "a"), ("2222222", "b")]),
        ("rtk git commit -m 'a' && rtk git push", "ok ✓ 1111111\nok ✓ main", [("1111111", "a")]),
        ("rtk git commit -m 'a'", "ok (nothing to commit)", []),
        ("rtk git log --oneline -1", "ok ✓ 1a2b3c4", []),
        ("git commit -m 'a' && ./check", "ok ✓ 1a2b3c4", []),
        ("git commit -qm 'Retry uploads'\ngit log --oneline -2", "1a2b3c4 Retry uploads\n5d6e7f8 Begin", [("1a2b3c4", "Retry uploads")]),
        ("git commit -qm 'Begin'; git log --oneline -1", "nothing to commit, working tree clean\n1a2b3c4 Begin", []),
        ("git log --grep commit", "[main 1a2b3c4] Not made", [("1a2b3c4", "Not made")]),
        ("cat notes; echo commit", "[main 1a2b3c4] Not made", []),
        ("git status", "[main 1a2b3c4] Not made", []),
    ],
)
def test_a_commit_is_what_git_printed_or_the_message_of_a_quiet_one(
    command: str, result: str, expected: list[tuple[str | None, str]]
) -> None:
    assert [(each.hash, each.subject) for each in commits_of(command, result)] == expected


def test_a_commit_that_amends_says_so() -> None:
    assert amends("git add -A && git commit --amend --no-edit")
    assert not amends("git commit -m a; git log --amend")


def test_a_long_subject_is_cut() -> None:
    [commit] = commits_of("git commit -m x", f"[main 1111111] {'x' * 1000}")

    assert len(commit.subject) == 200


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
    assert pull_requests_of(tool_name, command, result) == expected


@pytest.mark.parametrize(
    ("command", "is_opened"),
    [
        ("gh pr create --fill | tail -0", True),
        ("rtk gh pr create", True),
        ("./ship.sh", True),
        ("gh pr comment 12 -b x", False),
        ("", False),
    ],
)
def test_a_pull_request_that_claude_code_links_is_that_of_the_call_unless_it_handles_another(command: str, is_opened: bool) -> None:
    address = "https://github.com/ann/shop/pull/12"

    assert pull_requests_of("Bash", command, "ok", address) == [address] * is_opened
    assert pull_requests_of("Bash", command, "ok", "javascript:alert()") == []
