"""The outcome of a session: first prompt, last answer, commits, tests, files, failures, cost and days. Its statements are in session_outcome.sql."""

import re
from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

from services.query.answers.outcome import (
    ANSWER_CHARACTERS,
    ASK_CHARACTERS,
    MOST_DAYS,
    MOST_FAILURES,
    MOST_FILES,
    MOST_RAN_TESTS,
    OutcomeFailure,
    OutcomeFile,
    OutcomeText,
    SessionDay,
    SessionOutcome,
)
from services.query.database import Connection, Kind, Row, fetch_first, rows, structs
from services.query.queries.outcomes.cost import session_cost
from services.query.queries.outcomes.outcomes import outcomes_of
from shared.sql_files import SqlFile

_PARAGRAPH: Final = re.compile(r"\n\s*\n")

_SQL: Final = SqlFile(__package__, "session_outcome.sql")


def session_outcome(connection: Connection, session_id: str, tz: ZoneInfo, idle_gap: timedelta) -> SessionOutcome:
    """The outcome of a session, which must exist. Its days are those of `tz`."""
    of_session = {"session_id": session_id}
    answer = fetch_first(connection, OutcomeText, _SQL.answer, of_session)
    outcomes = outcomes_of(connection, [session_id])[session_id]
    ran = list(outcomes.tests.values())[::-1]
    files, files_left_out = _most(connection, OutcomeFile, "files", of_session, MOST_FILES, counted="files")
    failures, failures_left_out = _most(connection, OutcomeFailure, "failures", of_session, MOST_FAILURES, counted="kinds")
    days, days_left_out = _most(
        connection, SessionDay, "days", of_session | {"tz": tz.key, "idle_gap": idle_gap}, MOST_DAYS, counted="days"
    )
    return SessionOutcome(
        session_id=session_id,
        ask=fetch_first(connection, OutcomeText, _SQL.ask, of_session | {"characters": ASK_CHARACTERS}),
        answer=answer and _first_paragraph(answer),
        commits=outcomes.commits,
        pull_requests=outcomes.pull_requests,
        tests=ran[:MOST_RAN_TESTS],
        tests_left_out=max(len(ran) - MOST_RAN_TESTS, 0),
        files=files,
        files_left_out=files_left_out,
        failures=failures,
        failures_left_out=failures_left_out,
        cost=session_cost(connection, session_id),
        days=days,
        days_left_out=days_left_out,
    )


def _most(connection: Connection, kind: type[Kind], name: str, parameters: Row, most: int, *, counted: str) -> tuple[list[Kind], int]:
    """The first rows of a statement that counts all of them in a column, and how many more there are."""
    found = rows(connection, _SQL[name], parameters | {"most": most})
    number = found[0][counted] if found else 0
    for row in found:
        del row[counted]
    return structs(kind, found), number - len(found)


def _first_paragraph(answer: OutcomeText) -> OutcomeText:
    """The beginning of an answer, up to the end of its first paragraph; one that ends with a colon, or is a heading, goes on with the next."""
    paragraphs = _PARAGRAPH.split(answer.text.strip())
    count = 1
    while count < len(paragraphs) and (paragraphs[count - 1].rstrip("*_ ").endswith(":") or paragraphs[count - 1].startswith("#")):
        count += 1
    text = "\n\n".join(paragraphs[:count])
    is_cut = answer.is_cut or count < len(paragraphs) or len(text) > ANSWER_CHARACTERS
    return OutcomeText(answer.item_id, answer.timestamp, text[:ANSWER_CHARACTERS], is_cut)
