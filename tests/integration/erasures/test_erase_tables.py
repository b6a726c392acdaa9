"""Every table of the database is in the list of what an erasure does with it."""

import psycopg

from services.worker.maintenance.erase.erase import STAGES
from services.worker.maintenance.erase.erase_tables import BY_STAGES, NOTHING_IN, TABLES


def test_every_table_of_the_catalog_is_erased_or_has_nothing_to_erase(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        catalog = {name for (name,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()}

    listed = [*(table.name for table in TABLES), *BY_STAGES, *NOTHING_IN]

    assert set(listed) == catalog, "say in erase_tables.py what an erasure does with each table"
    assert len(listed) == len(set(listed))


def test_every_stage_that_is_named_exists() -> None:
    assert set(BY_STAGES.values()) - {stage.name for stage in STAGES} == set()


def test_every_column_with_the_id_of_a_session_is_erased(database_url: str) -> None:
    # Given the tables with a column for the id of a session
    sql = "SELECT DISTINCT table_name FROM information_schema.columns WHERE table_schema = 'public' AND column_name LIKE '%session_id'"
    with psycopg.connect(database_url) as connection:
        found = {name for (name,) in connection.execute(sql).fetchall()}
        views = {name for (name,) in connection.execute("SELECT viewname FROM pg_views WHERE schemaname = 'public'").fetchall()}

    # Then none of them has nothing to erase
    assert (found - views) & NOTHING_IN.keys() == set()
