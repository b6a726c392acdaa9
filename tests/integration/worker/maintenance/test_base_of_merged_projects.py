"""The sums of dropped sessions move with their project, and back. After any merges, undos and drops, all sums are as without drops."""

from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from services.worker.maintenance import merge_users, rebuild, rekey_projects
from services.worker.resources import Resources
from shared.tables.sums import BASE
from tests.example_counts import examples
from tests.integration.worker.all_tables import differences, empty
from tests.integration.worker.imports.files_of_sessions import GAP
from tests.integration.worker.maintenance.projects_world import (
    begin,
    decide,
    drop_all,
    drop_some,
    fill,
    is_circle,
    move_all,
    one,
    project_id,
    prompt,
    sums,
)
from tests.integration.worker.maintenance.retaining import drop, set_rule
from tests.integration.worker.maintenance.sessions_of_users import Step, request_merge, session, step_by_step, store
from tests.integration.worker.statements import execute

PATHS = ("/w/shop", "/w/shop-fix", "/w/api")


def in_base(worker: Resources, path: str) -> int:
    """Entries of the base that count under a project."""
    counts = " + ".join(f"(SELECT count(*) FROM {base} WHERE project_id = p.id)" for base in BASE)
    return int(one(worker, f"SELECT {counts} FROM projects AS p WHERE path = %s", path))


def test_the_base_moves_with_its_project_and_comes_back_exactly(worker: Resources, small_steps: None) -> None:
    """given a project half of whose sessions are dropped, when it is merged and taken out, then all sums move, and come back."""
    fill(worker, PATHS)
    before = sums(worker)
    decide(worker, "/w/shop-fix", "/w/shop")
    move_all(worker)
    merged = sums(worker)
    empty(worker)
    fill(worker, PATHS)
    for which in range(2):
        begin(worker, "/w/shop-fix", which)
    drop_all(worker)
    assert sums(worker) == before

    # When its base moves, some rows in each transaction
    of = decide(worker, "/w/shop-fix", "/w/shop")
    assert step_by_step(worker, rekey_projects.move_some, of) > 8

    # Then the part has nothing, and the whole has all of it
    assert in_base(worker, "/w/shop-fix") == 0
    assert in_base(worker, "/w/shop") > 0
    assert sums(worker) == merged
    with worker.connection() as connection:
        assert not any(rebuild.rebuild(connection, GAP).values())
    assert sums(worker) == merged

    # And when it is taken out, all_tables is as before
    decide(worker, "/w/shop-fix", None)
    move_all(worker)
    assert sums(worker) == before
    assert in_base(worker, "/w/shop") == 0
    assert differences(worker) == {}


def test_sessions_dropped_while_merged_come_back_by_their_path(worker: Resources, small_steps: None) -> None:
    fill(worker, PATHS)
    before = sums(worker)
    decide(worker, "/w/shop-fix", "/w/shop")
    move_all(worker)

    # When sessions of both paths are dropped while they are one, and the whole becomes part of a third
    for path in ("/w/shop", "/w/shop-fix"):
        for which in range(3):
            begin(worker, path, which)
    drop_all(worker)
    decide(worker, "/w/shop", "/w/api")
    move_all(worker)
    assert in_base(worker, "/w/shop") == 0

    # Then each path gets its own again
    for path in ("/w/shop", "/w/shop-fix"):
        decide(worker, path, None)
    move_all(worker)
    assert sums(worker) == before
    assert differences(worker) == {}


def test_verify_tells_a_base_that_counts_under_the_wrong_project(worker: Resources) -> None:
    fill(worker, PATHS)
    begin(worker, "/w/shop-fix", 0)
    drop_all(worker)
    decide(worker, "/w/shop-fix", "/w/shop")
    move_all(worker)
    assert differences(worker) == {}

    execute(worker, "UPDATE base_sessions SET project_id = path_project_id, path_project_id = NULL")

    assert "session projects" in differences(worker)


def test_the_rule_of_the_whole_counts_while_a_project_is_part_of_it(worker: Resources) -> None:
    """given a rule for a part and none for the whole, when a run comes, then it drops nothing; it drops when the rule is the whole's, or taken out."""
    fill(worker, PATHS)
    set_rule(worker, "sessions", 30, project="/w/shop-fix")
    decide(worker, "/w/shop-fix", "/w/shop")
    move_all(worker)
    before = sums(worker)

    assert drop(worker) == {}
    set_rule(worker, "sessions", 30, project="/w/shop")
    assert drop(worker)["sessions"][0] == 6
    assert sums(worker) == before
    assert in_base(worker, "/w/shop") > 0

    decide(worker, "/w/shop-fix", None)
    move_all(worker)
    store(worker, session("late", "ann", 3, "/w/shop-fix"))
    assert drop(worker)["sessions"][0] == 1
    assert differences(worker) == {}


_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("decide"), st.sampled_from(PATHS), st.one_of(st.none(), st.sampled_from(PATHS))),
        st.tuples(st.just("begin"), st.sampled_from(PATHS), st.integers(0, 5)),
        st.tuples(st.just("drop"), st.just(""), st.integers(1, 6)),
        st.tuples(st.just("come"), st.sampled_from(PATHS), st.integers(0, 5)),
        st.tuples(st.just("move"), st.just(""), st.integers(0, 5)),
        st.tuples(st.just("merge users"), st.just(""), st.integers(0, 3)),
    ),
    min_size=2,
    max_size=14,
)


@settings(
    max_examples=examples(12),
    phases=(Phase.reuse, Phase.generate),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=_STEPS, taken_out=st.booleans())
def test_after_any_drops_merges_and_undos_all_sums_are_those_without_the_drops(
    worker: Resources, small_steps: None, steps: list[tuple[str, str, Any]], taken_out: bool
) -> None:
    """given a random world, in two runs, when sessions are dropped in the second alone, in steps between those of merges, then all sums are the same."""
    empty(worker)
    _live(worker, [step for step in steps if step[0] not in ("begin", "drop")], taken_out)
    expected = sums(worker)

    empty(worker)
    _live(worker, steps, taken_out)

    assert sums(worker) == expected


def some(worker: Resources, steps: int, step: Step, of: int) -> None:
    """Transactions of a merge; a task is over after any of them."""
    for _ in range(steps):
        with worker.transaction() as connection:
            step(connection, of)


def bob(worker: Resources) -> int:
    return int(one(worker, "SELECT id FROM users WHERE name = 'bob'"))


def name_one_user(worker: Resources) -> None:
    """An admin merges bob into ann, once."""
    if one(worker, "SELECT alias_of IS NULL FROM users WHERE name = 'bob'"):
        request_merge(worker, "bob", "ann")


def _live(worker: Resources, steps: list[tuple[str, str, Any]], taken_out: bool) -> None:
    fill(worker, PATHS)
    for number, (kind, path, value) in enumerate(steps):
        match kind:
            case "come":
                store(worker, [*session(f"new-{number}", "ann", value, path), prompt(path, 10 + number)])
            case "begin":
                begin(worker, path, value)
            case "drop":
                drop_some(worker, value)
            case "move":
                of = project_id(worker, PATHS[value % 3])
                some(worker, value, rekey_projects.move_some, of)
            case "merge users":
                name_one_user(worker)
                some(worker, value, merge_users.merge_some, bob(worker))
            case _ if not is_circle(worker, path, value):
                decide(worker, path, value)
        assert differences(worker) == {}, (number, kind)
    if taken_out:
        move_all(worker)
        for path in PATHS:
            decide(worker, path, None)
    merge_users.run(worker, bob(worker))
    move_all(worker)
    drop_all(worker)
    assert differences(worker) == {}
