"""What made a number: the rows by source, the rule, and the lists that show them. Its statements are in explain.sql."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

from services.query.answers.explain import ROWS_OF, ExplainedList, ExplainedRows, Explanation, Measure, Rows
from services.query.database import Connection, rows
from services.query.queries.stats.ranges import Range, described_range
from services.query.queries.stats.stats import Selection
from services.query.queries.stats.usage import UsageQuestion, usage
from shared.sql_files import SqlFile
from shared.terms import terms

_NANO: Final = 1e9
_RULES: Final[dict[Rows, str]] = {
    "sessions": "A session counts once, where it began. One that is resumed goes on; a fork is a session of its own.",
    "messages": "A message counts once, when it was sent, by `message.id` or the prompt's `uuid`. Copies in forks count for one session.",
    "tool_calls": "A tool call counts once, when it began, by its id. Whether a hook, a transcript or a client told it makes no difference.",
    "activities": "Each change of a file counts once, by the call that made it, with the lines of its patch. Without a patch they are estimated.",
    "api_calls": "An API call counts once, by `message.id` and `requestId`; of several versions the one with most output tokens.",
}
_OF_COST: Final = " Its cost is that of its tokens at the price of its model on its day. Calls without a known price are left out."
_OF_SESSIONS: Final = " A session of which no such row is known has the totals that Claude Code wrote; they count at its start."
# The list that shows the rows, its own filters, and what it lists. Of API calls there is no list: their sums by session are the finest.
_LISTS: Final[dict[Rows, list[tuple[str, Mapping[str, str], str]]]] = {
    "sessions": [("/api/sessions", {}, "the sessions")],
    "messages": [("/api/conversations", {}, "the messages")],
    "tool_calls": [("/api/tool-calls", {}, "the tool calls")],
    "activities": [("/api/activities", {}, "the changes of files")],
    "api_calls": [
        ("/api/usage", {"group_by": "session"}, "the sums of the API calls of each session"),
        ("/api/usage", {"group_by": "model"}, "the sums of the API calls of each model"),
    ],
}
_FAILED: Final[list[tuple[str, Mapping[str, str], str]]] = [
    ("/api/tool-calls", {"status": "error"}, "the calls that failed"),
    ("/api/tool-calls", {"status": "timeout"}, "the calls that timed out"),
]
_RECONCILE: Final[list[tuple[str, Mapping[str, str], str]]] = [("/api/reconcile", {}, "why Claude Code's own total differs")]

_SQL: Final = SqlFile(__package__, "explain.sql")


def explanation(
    connection: Connection, measure: Measure, selection: Selection, wanted: Range, filters: Mapping[str, str], idle_gap_seconds: int
) -> Explanation:
    """`filters`: the request's own, for the addresses of the lists."""
    parameters = selection.parameters() | {"start": wanted.start_time, "end": wanted.end_time, "measure": measure}
    kind = ROWS_OF[measure]
    tables: list[Rows] = [kind] if kind in ("sessions", "messages", "tool_calls") else [kind, "sessions"]
    scale = _NANO if measure == "cost_usd" else 1
    sources = [
        ExplainedRows(rows_of=table, source=row["source"], rows=row["rows"], value=row["value"] / scale)
        for table in tables
        for row in rows(connection, _SQL[table], parameters)
    ]
    sources.sort(key=lambda each: (-each.value, each.rows_of, each.source or ""))
    value = getattr(usage(connection, UsageQuestion(("user",), selection, wanted, idle_gap_seconds)).totals, measure)
    dropped = (value or 0) - sum(each.value for each in sources)
    return Explanation(
        measure=measure,
        label=terms().measures[measure].label,
        definition=terms().measures[measure].definition,
        rule=_RULES[kind] + _OF_COST * (measure == "cost_usd") + _OF_SESSIONS * (len(tables) > 1),
        range=described_range(wanted),
        value=value,
        rows=sum(each.rows for each in sources),
        sources=sources,
        # Of costs a sum of floats differs in the last digit.
        dropped=dropped if abs(dropped) > 1e-6 else 0,
        lists=[
            ExplainedList(address=f"{path}?{urlencode({**own, **filters})}" if own or filters else path, shows=shows)
            for path, own, shows in (_FAILED if measure == "tool_errors" else _LISTS[kind] + _RECONCILE * (measure == "cost_usd"))
        ],
    )
