"""`python -m deploy.migrations.migrate`: brings the database at TRACKER_DATABASE_URL to the newest schema."""

import os
import sys
from pathlib import Path

from alembic import command
from alembic.config import Config


def migrate(database_url: str) -> None:
    """Runs every migration that the database has not had. Running it again does nothing."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("sqlalchemy.url", database_url.replace("%", "%%"))
    command.upgrade(config, "head")


if __name__ == "__main__":
    url = os.environ.get("TRACKER_DATABASE_URL")
    if not url:
        sys.exit("Set TRACKER_DATABASE_URL to the database to migrate, e.g. postgresql://tracker@localhost/tracker.")
    migrate(url)
