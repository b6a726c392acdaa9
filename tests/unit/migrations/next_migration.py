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


def _found(name: str) -> set[str]:
    texts = [path.read_text(encoding="utf-8") for path in (SCRIPTS / "versions").glob("*.py")]
    return {match[1] for text in texts if (match := re.search(rf'^{name} = "(\w+)"', text, re.MULTILINE))}


def head() -> str:
    """The revision that no other follows. Its number need not be the greatest: it was chosen before it was known what would be there first."""
    [last] = _found("revision") - _found("down_revision")
    return last


def free_number() -> int:
    """Greater than every revision's."""
    return max(map(int, _found("revision"))) + 1


def add_next(folder: Path, *statements: str) -> Path:
    """A copy of the migrations in `folder` with one more for each statement. Its path."""
    scripts = folder / "migrations"
    shutil.copytree(SCRIPTS, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    after = head()
    for number, sql in enumerate(statements, 9001):
        (scripts / "versions" / f"{number}.py").write_text(_VERSION.format(revision=number, after=after, sql=sql))
        after = str(number)
    return scripts
