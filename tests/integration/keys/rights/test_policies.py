"""The catalog: whatever the role of bound keys may read asks for the users of its key, or for a session that the key sees."""

import re
from typing import Any, Final

import psycopg

# {table: why a bound key reads it whole}
WITHOUT_POLICY: Final = {
    "ledger": "how far the journal is applied: times and counts of all together",
    "fixed_settings": "settings of the tracker",
    "prices": "what models cost, which is no one's data",
}
# {table: why its policy asks for no user}
OF_NO_USER: Final = {"import_jobs": "of the key itself"}
# {function with its owner's rights: what it tells}
WITH_OWNERS_RIGHTS: Final = {
    "sessions_marked": "ids of sessions that people made private or shared; policies ask for it",
    "is_file_of": "whether a file is of a user, by ids that one has already",
}

# A policy that looks into one of these sees its rows through that one's own policy.
READ_THROUGH: Final = re.compile(r"\bFROM (\w+)")


def policies(connection: psycopg.Connection[Any]) -> dict[str, str | None]:
    """By table or view that the role may read in whole or in part: its policy, "" for a view with the rights of who asks, None for neither."""
    rows = connection.execute("""
        SELECT c.relname, CASE WHEN 'security_invoker=true' = ANY (c.reloptions) THEN ''
            WHEN c.relrowsecurity THEN (SELECT string_agg(pg_get_expr(p.polqual, c.oid), ' OR ') FROM pg_policy AS p
                                        WHERE p.polrelid = c.oid AND 'tracker_bound'::regrole::oid = ANY (p.polroles)) END
        FROM pg_class AS c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
            AND has_any_column_privilege('tracker_bound', c.oid, 'SELECT')""")
    return dict(rows.fetchall())


def test_every_table_that_a_bound_key_may_read_asks_for_its_users(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        found = policies(connection)
    without = {name for name, policy in found.items() if policy is None}
    asks = {name for name, policy in found.items() if policy and "bound_users()" in policy}
    through = {name: set(READ_THROUGH.findall(policy)) for name, policy in found.items() if policy and name not in asks}

    for _ in through:
        asks |= {name for name, others in through.items() if others and others <= asks | OF_NO_USER.keys()}

    assert without == WITHOUT_POLICY.keys()
    # A machine is of a user by its name, or has a session that is seen.
    assert {name for name, policy in found.items() if policy} - asks == OF_NO_USER.keys()
    assert "bound_user_names()" in str(found["machines"])
    assert {"base_sessions", "dropped_texts", "project_changes", "project_rules", "projects", "sessions", "messages"} <= asks


def test_every_table_of_a_project_asks_for_the_projects_too(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        found = policies(connection)
        rows = connection.execute(
            "SELECT attrelid::regclass::text FROM pg_attribute WHERE attname = 'project_id' AND attnum > 0"
        ).fetchall()
    # Marks tell a project only of a session that is gone, and those nobody's key sees.
    of_projects = {name for (name,) in rows} - {"session_marks"}

    assert [name for name, policy in found.items() if policy and name in of_projects and "bound_projects()" not in policy] == []


def test_every_function_with_its_owners_rights_is_known(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        found = connection.execute("""
            SELECT proname FROM pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace
                AND has_function_privilege('tracker_bound', oid, 'EXECUTE')""").fetchall()

    assert {name for (name,) in found} == WITH_OWNERS_RIGHTS.keys()


def test_the_base_of_a_user_shows_to_keys_of_that_user_alone(database_url: str) -> None:
    """given what retention left of sessions of two users in two projects, then a key sees those that are of its users, and of its projects"""
    with psycopg.connect(database_url) as connection:
        for project in (1, 2):
            for user in (1, 2):
                connection.execute("INSERT INTO base_sessions (project_id, user_id, dated_at) VALUES (%s, %s, now())", (project, user))
        seen = {}
        for projects, users in (("*", "{1}"), ("{2}", "{1}"), ("{2}", "*"), ("*", "{}"), ("", "*")):
            with connection.transaction():
                connection.execute(
                    "SELECT set_config('tracker.projects', %s, true), set_config('tracker.users', %s, true), set_config('role', 'tracker_bound', true)",
                    (projects, users),
                )
                rows = connection.execute("SELECT project_id, user_id FROM base_sessions ORDER BY 1, 2").fetchall()
                connection.execute("SELECT set_config('role', 'none', true)")
            seen[projects, users] = rows

    assert seen == {
        ("*", "{1}"): [(1, 1), (2, 1)],
        ("{2}", "{1}"): [(2, 1)],
        ("{2}", "*"): [(2, 1), (2, 2)],
        ("*", "{}"): [],
        ("", "*"): [],
    }
