"""The outcome of a tool call: commits, pull requests and runs of tests. The worker derives it when the result arrives, and query reads it as it is stored."""

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

MAX_NUMBER: Final = 2**53
Number = Annotated[int, Meta(ge=0, le=MAX_NUMBER)]
Address = Annotated[str, Meta(pattern="^https?://", max_length=2_000)]
RunResult = Literal["passed", "failed", "unknown"]


class MadeCommit(Struct, omit_defaults=True):
    """`hash`: as short as git printed it; None if it printed nothing."""

    subject: str
    hash: str | None = None


class RunOfTests(Struct, omit_defaults=True):
    """A part of a shell command that runs tests, and how it ended. A number is None if nothing tells it."""

    command: str
    result: RunResult
    passed: Number | None = None
    failed: Number | None = None


class CallOutcome(Struct, omit_defaults=True):
    """In the order of the call. `amends`: its first commit takes the place of the one before. Pull requests are the addresses of those that it opened."""

    commits: list[MadeCommit] = []
    amends: bool = False
    pull_requests: list[Address] = []
    runs_of_tests: list[RunOfTests] = []
