"""Two projects become one, and two again: after each transaction the aggregates agree with the rows, and at the end nothing shows that it was."""

from typing import Any

import psycopg
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from services.worker.maintenance import rekey_projects
from services.worker.resources import Resources
from tests.example_counts import examples
from tests.integration.worker.all_tables import all_tables, differences, empty
from tests.integration.worker.imports.exporting import undone
from tests.integration.worker.imports.files_of_sessions import add_job, file_of
from tests.integration.worker.maintenance.projects_world import decide, fill, is_circle, late, move_all, project_id, prompt
from tests.integration.worker.maintenance.sessions_of_users import losing_each_second, session, step_by_step, store
from tests.integration.worker.statements import select

PATHS = ("/w/shop", "/w/shop-fix", "/w/api")


def counted_in(worker: Resources, path: str) -> tuple[int, int]:
    """Sessions, and prompts without a session, that count under a project."""
    counts = """
        SELECT (SELECT count(*) FROM sessions WHERE project_id = p.id),
               (SELECT count(*) FROM messages WHERE session_id IS NULL AND project_id = p.id)
        FROM projects AS p WHERE path = %s"""
    [found] = select(worker, counts, [path])
    return int(found[0]), int(found[1])


def test_a_merge_moves_everything_and_its_undo_gives_back_exactly_what_there_was(worker: Resources, small_steps: None) -> None:
    fill(worker, PATHS)
    before = all_tables(worker)
    merged = decide(worker, "/w/shop-fix", "/w/shop")

    # When its sessions move one by one
    assert step_by_step(worker, rekey_projects.move_some, merged) > 4

    # Then nothing counts under it, and its sessions still name its path
    assert counted_in(worker, "/w/shop-fix") == (0, 0)
    assert counted_in(worker, "/w/shop") == (6, 6)
    with worker.connection() as connection:
        named = connection.execute("SELECT count(*) FROM session_events WHERE kind = 'start' AND project_id = %s", (merged,)).fetchone()
        assert named == (3,)
        for table in ("activity_rollups", "tool_rollups", "usage_rollups", "file_rollups", "file_sets", "active_days", "error_rollups"):
            assert connection.execute(f"SELECT count(*) FROM {table} WHERE project_id = %s".encode(), (merged,)).fetchone() == (0,), table

    # And when it is taken out again, all_tables is as before
    decide(worker, "/w/shop-fix", None)
    move_all(worker)
    assert all_tables(worker) == before
    assert differences(worker) == {}


def test_what_comes_late_counts_under_the_whole(worker: Resources) -> None:
    fill(worker, PATHS)
    decide(worker, "/w/shop-fix", "/w/shop")

    # When events of the old path come before anything has moved, and after all has: of known sessions, of new ones, and of none
    store(worker, [late("1-0"), *session("new-1", "ann", 5, "/w/shop-fix")])
    assert differences(worker) == {}
    move_all(worker)
    store(worker, [late("1-1"), *session("new-2", "bob", 6, "/w/shop-fix"), prompt("/w/shop-fix", 9)])

    assert counted_in(worker, "/w/shop-fix") == (0, 0)
    assert counted_in(worker, "/w/shop") == (8, 7)
    assert differences(worker) == {}


def test_a_chain_counts_under_its_end_and_is_undone_in_the_middle(worker: Resources) -> None:
    fill(worker, PATHS)
    decide(worker, "/w/shop-fix", "/w/shop")
    move_all(worker)
    one_merge = all_tables(worker)

    # When what it was merged into is merged itself
    decide(worker, "/w/shop", "/w/api")
    move_all(worker)
    assert [counted_in(worker, path)[0] for path in PATHS] == [0, 0, 9]

    # Then taking that out gives the first merge back
    decide(worker, "/w/shop", None)
    move_all(worker)
    assert all_tables(worker) == one_merge
    assert differences(worker) == {}


def test_a_task_that_loses_transactions_goes_on_with_what_is_left(worker: Resources, small_steps: None) -> None:
    fill(worker, PATHS)
    merged = decide(worker, "/w/shop-fix", "/w/shop")

    losing_each_second(worker, rekey_projects.move_some, merged)

    assert counted_in(worker, "/w/shop-fix") == (0, 0)
    # A task that comes late finds nothing to do
    assert rekey_projects.run(worker, merged) is False


def test_only_one_worker_moves_at_a_time(worker: Resources, database_url: str) -> None:
    fill(worker, PATHS)
    merged = decide(worker, "/w/shop-fix", "/w/shop")
    before = all_tables(worker)

    with psycopg.connect(database_url) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", (0x_1A9051,))
        assert rekey_projects.run(worker, merged) is False
        assert all_tables(worker) == before
    assert rekey_projects.run(worker, merged) is False
    assert all_tables(worker) != before


_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("decide"), st.sampled_from(PATHS), st.one_of(st.none(), st.sampled_from(PATHS))),
        st.tuples(st.just("come"), st.sampled_from(PATHS), st.integers(0, 5)),
        st.tuples(st.just("move"), st.just(""), st.integers(0, 5)),
    ),
    max_size=12,
)


@settings(max_examples=examples(30), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=_STEPS)
# Rows that come meanwhile; and a change of mind when half is done
@example(steps=[("decide", "/w/shop-fix", "/w/shop"), ("move", "", 4), ("come", "/w/shop-fix", 5), ("come", "/w/shop", 1)])
@example(steps=[("decide", "/w/shop-fix", "/w/shop"), ("move", "", 1), ("move", "", 1), ("decide", "/w/shop-fix", None)])
def test_after_any_decisions_and_their_undo_everything_is_as_if_there_had_been_none(
    worker: Resources, small_steps: None, steps: list[tuple[str, str, Any]]
) -> None:
    """given events, merges, and moves that are interrupted in any order, when all merges are taken back, then all tables are as without them."""

    def come(path: str, n: int) -> None:
        store(worker, [late("1-0"), *session(f"new-{n}", "ann", n, path), prompt(path, 10 + n)])

    empty(worker)
    fill(worker, PATHS)
    for kind, path, n in steps:
        if kind == "come":
            come(path, n)
    expected = all_tables(worker)

    empty(worker)
    fill(worker, PATHS)
    for kind, path, value in steps:
        if kind == "come":
            come(path, value)
        elif kind == "move":
            of = project_id(worker, PATHS[value % 3])
            for _ in range(value):
                with worker.transaction() as connection:
                    rekey_projects.move_some(connection, of)
        elif not is_circle(worker, path, value):
            decide(worker, path, value)
        assert differences(worker) == {}
    move_all(worker)
    for path in PATHS:
        decide(worker, path, None)
    move_all(worker)

    assert all_tables(worker) == expected
    assert differences(worker) == {}


def test_an_import_after_the_merge_counts_under_the_whole_and_is_undone_exactly(worker: Resources) -> None:
    """given a merged project, when a file of its path is imported, imported again as it grew, and undone, then all is as before the import."""
    fill(worker, PATHS)
    store(worker, session("own", "ann", 3, "/p/f2"))
    decide(worker, "/p/f2", "/w/shop")
    move_all(worker)
    before = all_tables(worker)

    # When two imports bring versions of a session of that path
    with worker.transaction() as connection:
        first, second = add_job(connection), add_job(connection)
    store(worker, file_of("f2", list(range(5))), first)
    store(worker, [*file_of("f2", list(range(8))), prompt("/p/f2", 1)], second)
    assert counted_in(worker, "/p/f2") == (0, 0)
    assert counted_in(worker, "/w/shop") == (5, 4)
    assert differences(worker) == {}

    # Then their undo takes exactly that, also after a change of mind in between
    decide(worker, "/p/f2", None)
    move_all(worker)
    assert counted_in(worker, "/p/f2") == (2, 1)
    decide(worker, "/p/f2", "/w/shop")
    move_all(worker)
    for number in (second, first):
        undone(worker, number)
    assert differences(worker) == {}
    after = all_tables(worker)
    assert {table: rows for table, rows in after.items() if table != "projects"} == {
        table: rows for table, rows in before.items() if table != "projects"
    }
