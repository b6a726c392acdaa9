"""A release to come: the migrations that there are, and one more."""

import re
import shutil
from pathlib import Path

from deploy.migrations.migrate import SCRIPTS

_VERSION = '''"""A migration of a test."""

from alembic import op

revision = "{revision}"
down_revision = "{after}"


def upgrade() -> None:
    op.get_bind().exec_driver_sql({sql!r})
'''


def head() -> str:
    """The newest revision that there is."""
    texts = [path.read_text(encoding="utf-8") for path in (SCRIPTS / "versions").glob("*.py")]
    revisions = {match[1] for text in texts if (match := re.search(r'^revision = "(\w+)"', text, re.MULTILINE))}
    return max(revisions)


def add_next(folder: Path, *statements: str) -> Path:
    """A copy of the migrations in `folder` with one more for each statement. Its path."""
    scripts = folder / "migrations"
    shutil.copytree(SCRIPTS, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    after = head()
    for number, sql in enumerate(statements, 9001):
        (scripts / "versions" / f"{number}.py").write_text(_VERSION.format(revision=number, after=after, sql=sql))
        after = str(number)
    return scripts
