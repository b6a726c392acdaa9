"""Two users become one: after each transaction the aggregates agree with the rows, and at the end it is as if there had been one user from the start."""

from datetime import timedelta

import psycopg
import pytest

from services.worker.maintenance import merge_users
from services.worker.resources import Resources
from shared.events.messages import Conversation
from shared.tables import sums
from tests.integration.worker.all_tables import all_tables, differences, empty
from tests.integration.worker.imports.files_of_sessions import EPOCH
from tests.integration.worker.maintenance.sessions_of_users import (
    fill,
    losing_each_second,
    request_merge,
    row_id,
    session,
    sessionless,
    step_by_step,
    store,
)
from tests.integration.worker.session_rows import tables_with
from tests.integration.worker.statements import select

# A row in each table that knows users and holds no events.
BESIDE = (
    """INSERT INTO quota_readings (user_id, machine_id, source, kind, resets_at, used_percentage, first_read_at, last_read_at)
       SELECT u, 'm', 'status_line', 'five_hour', now(), 7, now(), now() FROM unnest(%(ids)s::bigint[]) AS u""",
    "INSERT INTO retention_rules (what, user_id, days) SELECT 'texts', u, 7 FROM unnest(%(ids)s::bigint[]) AS u",
    "INSERT INTO session_marks (session_id, user_id) SELECT 'gone', u FROM unnest(%(ids)s::bigint[]) AS u LIMIT 1",
    "INSERT INTO tombstones (key, kind, reason, user_id) SELECT 'x', 'session', 'expired', u FROM unnest(%(ids)s::bigint[]) AS u LIMIT 1",
    """INSERT INTO session_facts (id, session_id, user_id, source, received_at)
       SELECT gen_random_uuid(), 'b0', u, 'transcript', now() FROM unnest(%(ids)s::bigint[]) AS u LIMIT 1""",
    """INSERT INTO timeline_entries (id, session_id, project_id, user_id, kind, content, occurred_at, received_at)
       SELECT gen_random_uuid(), session_id, project_id, user_id, 'command', '/x', ended_at, now() FROM sessions WHERE session_id = 'b0'""",
)
# Sums, which move with what they count.
SUMS = {table.name for table in sums.SUMS}


def tables_with_users(worker: Resources) -> set[str]:
    with worker.connection() as connection:
        return set(tables_with(connection, "user_id"))


def tables_of_user(worker: Resources, user_id: int) -> set[str]:
    count = "SELECT FROM {} WHERE user_id = %s LIMIT 1"
    return {table for table in tables_with_users(worker) if select(worker, count.format(table), [user_id])}


@pytest.fixture
def as_one_user(worker: Resources) -> dict[str, list[str]]:
    """All tables if everything had been one user's from the start."""
    fill(worker, "ann", "ann")
    found = all_tables(worker)
    empty(worker)
    return found


def test_a_merge_gives_the_same_tables_as_one_user_from_the_start(
    worker: Resources, as_one_user: dict[str, list[str]], small_steps: None
) -> None:
    """given two users, when one is merged a session at a time, then nothing drifts at any commit, and nothing is left of the former name."""
    fill(worker, "ann", "bob")
    assert all_tables(worker) != as_one_user
    user_id = request_merge(worker, "bob", "ann")

    assert step_by_step(worker, merge_users.merge_some, user_id) > 7

    assert all_tables(worker) == as_one_user
    assert tables_of_user(worker, user_id) == set()
    assert select(worker, "SELECT count(*) FROM users WHERE merge_requested_at IS NOT NULL") == [(0,)]


def test_every_table_with_the_id_of_a_user_is_merged(worker: Resources) -> None:
    # Given rows of both users, and a row of the one that is merged in each table that names users by id
    fill(worker, "ann", "bob")
    with worker.transaction() as connection:
        ids = dict(connection.execute("SELECT name, id FROM users").fetchall())
        for command in BESIDE:
            connection.execute(command, {"ids": [ids["bob"], ids["ann"]]})
    assert tables_of_user(worker, ids["bob"]) >= tables_with_users(worker) - SUMS, "give bob a row in each new table"

    merge_users.run(worker, request_merge(worker, "bob", "ann"))

    assert tables_of_user(worker, ids["bob"]) == set()
    assert differences(worker) == {}


@pytest.mark.parametrize(
    ("days_of_bob", "days_of_ann", "days"),
    [(7, "none", 7), (None, "none", None), (7, 30, 30), (30, 7, 30), (None, 7, None), (7, None, None)],
)
def test_a_rule_of_retention_follows_its_user_and_of_two_the_one_that_keeps_more_stays(
    worker: Resources, days_of_bob: int | None, days_of_ann: int | str | None, days: int | None
) -> None:
    store(worker, [*session("a", "ann", 0), *session("b", "bob", 7)])
    own = [(name, of) for name, of in (("bob", days_of_bob), ("ann", days_of_ann)) if of != "none"]
    with worker.transaction() as connection:
        for name, of in own:
            set_rule = "INSERT INTO retention_rules (what, user_id, days) SELECT 'sessions', id, %s FROM users WHERE name = %s"
            connection.execute(set_rule, (of, name))
    # 30 days is the setting
    days_now = "SELECT session_id, retention_days('sessions', project_id, user_id, 30) FROM sessions ORDER BY 1"

    # When the merge is asked for, while its rows wait
    user_id = request_merge(worker, "bob", "ann")
    waiting = select(worker, days_now)

    # And when it is done
    merge_users.run(worker, user_id)
    done = select(worker, days_now)
    rules = select(worker, "SELECT name, days FROM retention_rules JOIN users ON users.id = user_id")

    assert waiting == done == [("a", days), ("b", days)]
    assert rules == [("ann", days)]


def test_a_merge_that_is_killed_goes_on_with_what_is_left(worker: Resources, as_one_user: dict[str, list[str]], small_steps: None) -> None:
    fill(worker, "ann", "bob")
    user_id = request_merge(worker, "bob", "ann")

    losing_each_second(worker, merge_users.merge_some, user_id)

    assert all_tables(worker) == as_one_user
    # And a task that comes late finds nothing to do
    assert merge_users.run(worker, user_id) is False
    assert all_tables(worker) == as_one_user


def test_events_of_the_former_name_are_the_other_users_while_and_after_it_is_merged(worker: Resources, small_steps: None) -> None:
    fill(worker, "ann", "bob")
    user_id = request_merge(worker, "bob", "ann")

    # When events come between two transactions: of a new session, of one that has not moved yet, and without a session
    with worker.transaction() as connection:
        assert merge_users.merge_some(connection, user_id)
    store(worker, [*session("b7", "bob", 3), sessionless("bob", 17)])
    late = Conversation(session_id="b4", content="late", role="user", timestamp=EPOCH + timedelta(hours=1), id=row_id("late"))
    store(worker, [late])
    assert differences(worker) == {}
    assert merge_users.run(worker, user_id) is False
    store(worker, [*session("b8", "bob", 5), sessionless("bob", 18)])

    assert differences(worker) == {}
    assert tables_of_user(worker, user_id) == set()
    assert select(worker, "SELECT count(*) FROM users WHERE name = 'bob' AND alias_of IS NOT NULL") == [(1,)]


def test_only_one_worker_merges_a_user_at_a_time(worker: Resources, database_url: str) -> None:
    fill(worker, "ann", "bob")
    user_id = request_merge(worker, "bob", "ann")
    before = all_tables(worker)

    with psycopg.connect(database_url) as other:
        other.execute("SELECT FROM users WHERE id = %s FOR UPDATE", (user_id,))
        assert merge_users.run(worker, user_id) is False
        assert all_tables(worker) == before
    assert merge_users.run(worker, user_id) is False
    assert all_tables(worker) != before
