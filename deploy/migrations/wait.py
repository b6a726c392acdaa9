"""`python -m deploy.migrations.wait`: ends as soon as the database at TRACKER_DATABASE_URL has the schema that this release needs.

Kubernetes pods run it first, because nothing else there makes them wait for the migration.
"""

import os
import sys
import time
from pathlib import Path
from typing import Final

import psycopg
from alembic.script import ScriptDirectory

from deploy.migrations.first_schema import FIRST_SCHEMA
from deploy.migrations.migrate import SCRIPTS

LOOK_EVERY_SECONDS: Final = 1.0
SAY_EVERY_SECONDS: Final = 30.0


def missing(database_url: str, *, scripts: Path = SCRIPTS) -> str | None:
    """Describes what the database lacks; None if this release can work with it.

    An unknown version belongs to a later release. Its migrations only add, so this release can work with it.
    """
    directory = ScriptDirectory(str(scripts))
    try:
        found = _version(database_url)
    except psycopg.OperationalError:
        return "an answer"
    older = {script.revision for script in directory.walk_revisions()} - {directory.get_current_head()}
    if found is None:
        return "any tables"
    return f"the schema {directory.get_current_head()} (it has {found})" if found in older or found < FIRST_SCHEMA else None


def wait(database_url: str, *, scripts: Path = SCRIPTS) -> None:
    """Returns when nothing is missing; now and then prints on stderr what it waits for."""
    say_at = time.monotonic()
    while (lack := missing(database_url, scripts=scripts)) is not None:
        if time.monotonic() >= say_at:
            sys.stderr.write(f"The database lacks {lack}; this waits until `python -m deploy.migrations.migrate` has run.\n")
            sys.stderr.flush()
            say_at += SAY_EVERY_SECONDS
        time.sleep(LOOK_EVERY_SECONDS)


def _version(database_url: str) -> str | None:
    with psycopg.connect(database_url, connect_timeout=2) as connection:
        try:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        except psycopg.errors.UndefinedTable:
            return None
    return row[0] if row else None


if __name__ == "__main__":
    url = os.environ.get("TRACKER_DATABASE_URL")
    if not url:
        sys.exit("Set TRACKER_DATABASE_URL to the database to wait for, e.g. postgresql://tracker@localhost/tracker.")
    wait(url)
