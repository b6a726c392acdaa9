"""`python -m deploy.migrations.migrate`: brings the database at TRACKER_DATABASE_URL to the newest schema."""

import os
import sys
from pathlib import Path

from alembic import command
from alembic.config import Config

from deploy.migrations.first_schema import RefusedSchemaError
from deploy.migrations.grants import grant
from deploy.migrations.lock_retry import RETRY_SECONDS, retry_when_locked
from shared.setting_names import check_names

SCRIPTS = Path(__file__).parent


def migrate(database_url: str, *, scripts: Path = SCRIPTS, retry_seconds: float = RETRY_SECONDS) -> None:
    """Runs every migration that is missing and grants the services' roles their rights. Running it again does nothing.

    Reports on stderr what it waits for. RefusedSchemaError leaves the database as it was.
    """
    config = Config()
    config.set_main_option("script_location", str(scripts))
    config.set_main_option("sqlalchemy.url", database_url.replace("%", "%%"))
    retry_when_locked(lambda: command.upgrade(config, "head"), database_url, _say, retry_seconds=retry_seconds)
    if scripts == SCRIPTS:
        retry_when_locked(lambda: grant(database_url), database_url, _say, retry_seconds=retry_seconds)


def _say(sentence: str) -> None:
    sys.stderr.write(sentence + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    # The first container to start, and the only one that has all of .env.
    check_names(os.environ)
    url = os.environ.get("TRACKER_DATABASE_URL")
    if not url:
        sys.exit("Set TRACKER_DATABASE_URL to the database to migrate, e.g. postgresql://tracker@localhost/tracker.")
    try:
        migrate(url)
    except RefusedSchemaError as error:
        sys.exit(str(error))
