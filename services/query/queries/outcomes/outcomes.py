"""The outcomes of calls, taken together: commits, pull requests, and commands that ran tests. The worker derived it of each call."""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from typing import Final
from uuid import UUID

from msgspec import Struct, field

from services.query.answers.days import DayCommit, DayPullRequest
from services.query.answers.lists import CameOfSession
from services.query.answers.outcome import RanTests
from services.query.database import Connection, fetch
from shared.claude_formats.call_outcome import CallOutcome
from shared.sql_files import SqlFile

# The newest calls with an outcome, so that a long session is bounded.
_MOST_CALLS: Final = 500

_SQL: Final = SqlFile(__package__, "outcomes.sql")


class CallWithOutcome(Struct, frozen=True):
    """A call that something came of. `timestamp`: None if nothing says when."""

    session_id: str
    id: UUID
    agent_id: str | None
    timestamp: datetime | None
    outcome: CallOutcome


class Outcomes(Struct):
    """The outcomes of calls, in their order. `tests` are the commands that ran tests, by text, in the order of their last runs."""

    commits: list[DayCommit] = field(default_factory=list)
    pull_requests: list[DayPullRequest] = field(default_factory=list)
    tests: dict[str, RanTests] = field(default_factory=dict)

    def add(self, call: CallWithOutcome) -> None:
        """Takes in a call that is later than those before. A commit that amends takes the place of the one before; an address counts once."""
        if call.timestamp is not None:
            if call.outcome.amends and self.commits:
                self.commits.pop()
            self.commits += [DayCommit(call.timestamp, made.subject, made.hash) for made in call.outcome.commits]
            known = {each.url for each in self.pull_requests}
            self.pull_requests += [DayPullRequest(call.timestamp, url) for url in call.outcome.pull_requests if url not in known]
        for run in call.outcome.runs_of_tests:
            before = self.tests.pop(run.command, None)
            self.tests[run.command] = RanTests(
                command=run.command,
                runs=1 + (before.runs if before else 0),
                failed_runs=int(run.result == "failed") + (before.failed_runs if before else 0),
                last_at=call.timestamp,
                last_item_id=call.id,
                last_agent_id=call.agent_id,
                last_result=run.result,
                passed=run.passed,
                failed=run.failed,
            )

    def in_numbers(self) -> CameOfSession:
        """As a row of a list shows them."""
        last = next(reversed(self.tests.values()), None)
        return CameOfSession(
            commits=len(self.commits),
            pull_requests=[each.url for each in self.pull_requests],
            tests=last.last_result if last else None,
            failed_tests=last.failed if last and last.last_result == "failed" else None,
        )


def outcomes_of(
    connection: Connection, session_ids: Collection[str], start: datetime | None = None, end: datetime | None = None
) -> dict[str, Outcomes]:
    """{session_id: what came of its calls within [start, end)}; nothing for any other id."""
    found: dict[str, Outcomes] = defaultdict(Outcomes)
    asked = {"ids": list(session_ids), "start": start, "end": end, "most": _MOST_CALLS}
    for call in fetch(connection, CallWithOutcome, _SQL.calls_with_outcome, asked):
        found[call.session_id].add(call)
    return found
