"""Any order, batching and repetition of the same events gives the same tables, equal to a plain Python model."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid5

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import Connection

from services.worker.maintenance.verify import verify
from services.worker.persist.persist_batch import persist
from services.worker.persist.staging.staging_tables import ReceivedEvent, clear
from services.worker.resources import Resources
from shared.events.messages import Activity, Conversation, Event, SessionEnd, SessionStart, ToolCall, Usage
from tests.example_counts import examples
from tests.integration.worker.all_tables import fold

GAP = timedelta(minutes=5)
# Just before a UTC midnight, so that days and hours are crossed often.
EPOCH = datetime(2026, 3, 1, 23, 40, tzinfo=UTC)
NAMESPACE = UUID(int=7)
PROJECT_OF = {"s1": "/p/one", "s2": "/p/two", "s3": "/p/two"}
USER_OF = {"s1": "ann", "s2": "ann", "s3": None}

# Some of a session's events come a month later than the others, as from a client that was offline.
minutes = st.builds(
    lambda m, days: EPOCH + timedelta(minutes=m, seconds=m % 7, days=days), st.integers(0, 90), st.sampled_from([0, 0, 0, 0, 30])
)


@st.composite
def events(draw: st.DrawFn) -> list[Event]:
    made: list[Event] = []
    for n in range(draw(st.integers(1, 14))):
        session, at, event_id = draw(st.sampled_from(sorted(PROJECT_OF))), draw(minutes), uuid5(NAMESPACE, str(n))
        match draw(st.sampled_from(["start", "end", "message", "tool", "activity"])):
            case "start":
                made.append(
                    SessionStart(project_path=PROJECT_OF[session], start_time=at, user=USER_OF[session], session_id=session, id=event_id)
                )
            case "end":
                made.append(SessionEnd(session_id=session, end_time=at, id=event_id))
            case "message":
                role = draw(st.sampled_from(["user", "assistant"]))
                usage = Usage(draw(st.integers(0, 9)), 1) if role == "assistant" else None
                made.append(Conversation(session_id=session, content=f"text {n}", role=role, timestamp=at, usage=usage, id=event_id))
            case "tool":
                status = draw(st.sampled_from(["success", "error", "timeout", "rejected"]))
                duration = draw(st.none() | st.integers(0, 5000))
                tool = draw(st.sampled_from(["Bash", "Read"]))
                made.append(
                    ToolCall(
                        tool_name=tool, result_status=status, execution_time_ms=duration, timestamp=at, session_id=session, id=event_id
                    )
                )
            case _:
                path = draw(st.sampled_from(["/f/a.py", "/f/b.py"]))
                made.append(
                    Activity(
                        session_id=session, file_path=path, action="modified", lines_added=2, lines_removed=1, timestamp=at, id=event_id
                    )
                )
    return made


def tables(connection: Connection[Any]) -> dict[str, list[Any]]:
    """Everything that must not depend on the order, by names instead of ids, without zero rows."""
    sums = "sessions, wall_us, active_us, user_messages, assistant_messages, files_modified, lines_added, lines_removed, tool_calls, tool_errors, input_tokens"
    queries = {
        "sessions": "SELECT session_id, p.path, u.name, started_at, ended_at, first_event_at, last_event_at, dated_at, active_ranges::text, wall_us, active_us,"
        " user_messages, assistant_messages, tool_calls, tool_errors, files_modified, lines_added, lines_removed, input_tokens"
        " FROM sessions AS s LEFT JOIN projects AS p ON p.id = s.project_id LEFT JOIN users AS u ON u.id = s.user_id",
        "projects": "SELECT path FROM projects",
        "activity": f"SELECT coalesce(p.path, r.project_id::text), coalesce(u.name, r.user_id::text), grain_minutes, bucket_start::text, {sums}"
        f" FROM activity_rollups AS r LEFT JOIN projects AS p ON p.id = r.project_id LEFT JOIN users AS u ON u.id = r.user_id WHERE ({sums}) <> ({', '.join('0' * 11)})",
        "tools": "SELECT coalesce(p.path, r.project_id::text), coalesce(u.name, r.user_id::text), grain_minutes, bucket_start::text, tool_name, calls, errors, rejected,"
        " duration_ms, max_ms, last_used_at, measured_calls, measured_ms, max_measured_ms, measured_times::text"
        " FROM tool_rollups AS r LEFT JOIN projects AS p ON p.id = r.project_id LEFT JOIN users AS u ON u.id = r.user_id WHERE calls > 0",
        "errors": "SELECT coalesce(p.path, r.project_id::text), coalesce(u.name, r.user_id::text), grain_minutes, bucket_start::text, tool_name, error_class,"
        " r.calls FROM error_rollups AS r LEFT JOIN projects AS p ON p.id = r.project_id LEFT JOIN users AS u ON u.id = r.user_id WHERE calls > 0",
        "files": "SELECT coalesce(p.path, r.project_id::text), grain_minutes, bucket_start::text, file_key, touches FROM file_rollups AS r"
        " LEFT JOIN projects AS p ON p.id = r.project_id WHERE touches > 0",
        "days": "SELECT coalesce(p.path, d.project_id::text), coalesce(u.name, d.user_id::text), day, ranges::text FROM active_days AS d"
        " LEFT JOIN projects AS p ON p.id = d.project_id LEFT JOIN users AS u ON u.id = d.user_id WHERE NOT isempty(ranges)",
    }
    return {name: sorted(connection.execute(sql.encode()).fetchall(), key=repr) for name, sql in queries.items()}


def store(connection: Connection[Any], batches: list[list[Event]]) -> dict[str, list[Any]]:
    """The tables after these batches, on an empty database, which is left empty again."""
    with connection.transaction(force_rollback=True):
        for batch in batches:
            persist(connection, [ReceivedEvent(event, EPOCH, "test", "1-1") for event in batch], idle_gap=GAP)
            clear(connection)
        fold(connection)
        return tables(connection)


def active_seconds(times: list[datetime]) -> float:
    """The sum of the gaps of at most five minutes between neighbours."""
    times = sorted(times)
    return sum(gap.total_seconds() for a, b in pairwise(times) if (gap := b - a) <= GAP)


def time_of(event: Event) -> datetime:
    match event:
        case SessionStart():
            at = event.start_time
        case SessionEnd():
            at = event.end_time
        case _:
            at = event.timestamp
    assert at is not None
    return at


def model(made: list[Event]) -> dict[str, dict[str, Any]]:
    """A session's row, said in plain Python."""
    sessions: dict[str, dict[str, Any]] = {}
    for session in {event.session_id for event in made}:
        mine = [event for event in made if event.session_id == session]
        times = [time_of(event) for event in mine]
        calls = [event for event in mine if isinstance(event, ToolCall)]
        started = any(isinstance(event, SessionStart) for event in mine)
        assert session is not None
        sessions[session] = {
            "project": PROJECT_OF[session] if started else None,
            "wall": (max(times) - min(times)).total_seconds(),
            "active": active_seconds(times),
            "messages": sum(isinstance(event, Conversation) for event in mine),
            "tool_calls": len(calls),
            "tool_errors": sum(call.result_status in ("error", "timeout") for call in calls),
            "files": len({event.file_path for event in mine if isinstance(event, Activity)}),
        }
    return sessions


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(made=events(), data=st.data())
def test_the_tables_do_not_depend_on_order_batching_or_repetition(worker: Resources, made: list[Event], data: st.DataObject) -> None:
    # Given events in the order they happened, stored as one batch, and the same events shuffled, some twice, cut into batches
    shuffled = data.draw(st.permutations(made + data.draw(st.lists(st.sampled_from(made), max_size=4))))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(shuffled)), max_size=4)))
    batches = [shuffled[a:b] for a, b in zip([0, *cuts], [*cuts, len(shuffled)], strict=True) if a < b]
    with worker.engine.connect() as sqlalchemy_connection:
        connection = sqlalchemy_connection.connection.driver_connection
        assert isinstance(connection, Connection)

        # When both are stored, each on an empty database
        together, apart = store(connection, [made]), store(connection, batches)

    # Then every table is the same, and the sessions are what the model says
    assert apart == together
    stored = {
        row[0]: {
            "project": row[1],
            "wall": row[9] / 1e6,
            "active": row[10] / 1e6,
            "messages": row[11] + row[12],
            "tool_calls": row[13],
            "tool_errors": row[14],
            "files": row[15],
        }
        for row in together["sessions"]
    }
    assert stored == model(made)


@settings(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(made=events(), data=st.data())
def test_aggregates_agree_with_the_rows(worker: Resources, made: list[Event], data: st.DataObject) -> None:
    # Given events in any order, stored one by one
    shuffled = data.draw(st.permutations(made))
    with worker.engine.connect() as sqlalchemy_connection:
        connection = sqlalchemy_connection.connection.driver_connection
        assert isinstance(connection, Connection)
        for event in shuffled:
            with connection.transaction():
                persist(connection, [ReceivedEvent(event, EPOCH, "test", "1-1")], idle_gap=GAP)

        # When they are computed again from the rows, then nothing differs
        assert set(verify(connection, GAP).values()) == {0}
