"""A made-up kind of event and a made-up column of tool calls, added by the steps of CONTRIBUTING.md to a copy of the product.

Nothing in the product knows of it, and nothing is patched at run time: the copy is what a contributor's tree would be.
"""

import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

from tests.unit.migrations.next_migration import free_number, head

REPOSITORY = Path(__file__).parents[3]


class Step(NamedTuple):
    """In the file, `new` comes in place of `old`, which is there once. A file that is new has no `old`."""

    file: str
    old: str
    new: str


_REVISION: Final = f"{free_number():04}"
_STRUCT: Final = '''class Bookmark(Struct, tag="bookmark", omit_defaults=True, kw_only=True):
    """A person marks a place in a session."""

    session_id: SessionId
    note: Annotated[str, Meta(max_length=10_000)]
    line: Count = 0
    user: Identifier | None = None
    timestamp: Time | None = None
    source: Name | None = None
    id: UUID | None = None


'''
_ENTRY: Final = """    EventKind(Bookmark, "bookmarks", user_field="user", most={"line": MAX_LINES}),
"""
_SQL: Final = """-- What people marked in their sessions.
CREATE TABLE bookmarks (
    id           uuid PRIMARY KEY,
    session_id   text,
    project_id   bigint NOT NULL,
    user_id      bigint NOT NULL,
    note         text NOT NULL,
    line         bigint NOT NULL,
    occurred_at  timestamptz NOT NULL,
    source       text,
    brought_by   integer[],
    received_at  timestamptz NOT NULL,
    persisted_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX bookmarks_by_session ON bookmarks (session_id, occurred_at DESC, id DESC);
SELECT count_by_session('bookmarks', ARRAY['user_messages'], ARRAY['1']);
"""
_REVISION_FILE: Final = f'''"""Bookmarks, from {_REVISION}_bookmarks.sql."""

from pathlib import Path

from alembic import op

revision = "{_REVISION}"
down_revision = "{head()}"


def upgrade() -> None:
    sql = (Path(__file__).parent.parent / "{_REVISION}_bookmarks.sql").read_text(encoding="utf-8")
    op.get_bind().exec_driver_sql(sql.replace("%", "%%"))
'''
_TABLE: Final = """
    Table("bookmarks", Owner.SESSION, LOOK_UP, KEEP, READ, "no export has them yet", "rows",
          "ID id session_id project_id brought_by USER user_id TIME occurred_at received_at persisted_at NUMBER line NAME source TEXT note"),"""
# It counts as a message of its user.
_ROW_TABLE: Final = """BOOKMARKS: Final = RowTable(
    "bookmarks",
    ranks=("length({row}.note)", '{row}.note COLLATE "C"', "{row}.line"),
    measures={"user_messages": "1"},
    has_user_name=True,
)

"""
_IDENTITIES: Final = """    "bookmarks": f"SELECT id, session_id, {_IS_CLIENTS_ALONE}, note, line::text FROM bookmarks WHERE id = ANY(%(ids)s)",
"""
_IDENTITY: Final = """        case Bookmark():
            return Identity(event.note, str(event.line))
"""
_ROWS: Final = """        case Bookmark():
            yield event
"""
_ROUTE: Final = '''@writes.post(
    "/api/bookmarks", status_code=201, summary="Add a bookmark", **route_documents.single_write(Bookmark, EventAccepted, 201)
)
@requires(INGEST)
async def add_bookmark(request: Request) -> Response:
    """Stores that a person marked a place in a session."""
    return await write_event(request, Bookmark)


'''
_UNION = "Event = SessionStart | SessionEnd | Conversation | Activity | ToolCall\n"
_IMPORT = "import Activity, Conversation,"
_NO_CASE = "        case _:\n            "

# In the order of CONTRIBUTING.md.
STEPS: Final = (
    Step("shared/events/messages.py", _UNION, _STRUCT + _UNION.replace("\n", " | Bookmark\n")),
    Step("shared/events/event_kinds.py", "import NO_CONTROL_CHARACTERS, Activity,", "import NO_CONTROL_CHARACTERS, Activity, Bookmark,"),
    Step("shared/events/event_kinds.py", ")\nKINDS: Final", f"{_ENTRY})\nKINDS: Final"),
    Step(f"deploy/migrations/{_REVISION}_bookmarks.sql", "", _SQL),
    Step(f"deploy/migrations/versions/{_REVISION}_bookmarks.py", "", _REVISION_FILE),
    Step("shared/tables/acts.py", "ACTS: Final = (", f"ACTS: Final = ({_TABLE}"),
    Step("services/worker/row_tables.py", "ROW_TABLES: Final", f"{_ROW_TABLE}ROW_TABLES: Final"),
    Step(
        "services/worker/row_tables.py",
        "(MESSAGES, TOOL_CALLS, ACTIVITIES, API_CALLS, TIMELINE_ENTRIES)",
        "(MESSAGES, TOOL_CALLS, ACTIVITIES, API_CALLS, TIMELINE_ENTRIES, BOOKMARKS)",
    ),
    Step("services/worker/persist/staging/event_kind_rows.py", _IMPORT, "import Activity, Bookmark, Conversation,"),
    Step("services/worker/persist/staging/event_kind_rows.py", "}\n\n\nclass Identity", f"{_IDENTITIES}}}\n\n\nclass Identity"),
    Step(
        "services/worker/persist/staging/event_kind_rows.py",
        f"{_NO_CASE}assert_never(event)\n\n\ndef _md5",
        f"{_IDENTITY}{_NO_CASE}assert_never(event)\n\n\ndef _md5",
    ),
    Step("services/worker/persist/staging/event_kind_rows.py", f"{_NO_CASE}# Without this", f"{_ROWS}{_NO_CASE}# Without this"),
    Step("services/ingest/routes/writes.py", _IMPORT, "import Activity, Bookmark, Conversation,"),
    Step("services/ingest/routes/writes.py", '@writes.post("/api/events"', f'{_ROUTE}@writes.post("/api/events"'),
)

_COLUMN_REVISION: Final = f"{free_number() + 1:04}"
_COLUMN_REVISION_FILE: Final = (
    _REVISION_FILE.replace(f'down_revision = "{head()}"', f'down_revision = "{_REVISION}"')
    .replace(f'{_REVISION}_bookmarks.sql"', f'{_COLUMN_REVISION}_attempts.sql"')
    .replace(f'revision = "{_REVISION}"\ndown', f'revision = "{_COLUMN_REVISION}"\ndown')
)
_IN_RECORD: Final = "    is_sandboxed: bool | None = None\n"
_IN_ANSWERS: Final = "    execution_time_ms: int | None\n"
# "A new column of an act".
COLUMN_STEPS: Final = (
    Step(
        "shared/events/messages.py",
        "    execution_time_ms: Count | None = None\n",
        "    execution_time_ms: Count | None = None\n    attempt: Count | None = None\n",
    ),
    Step("services/worker/persist/records.py", _IN_RECORD, f"{_IN_RECORD}    attempt: Count | None = None\n"),
    Step(f"deploy/migrations/{_COLUMN_REVISION}_attempts.sql", "", "ALTER TABLE tool_calls ADD COLUMN attempt bigint;\n"),
    Step(f"deploy/migrations/versions/{_COLUMN_REVISION}_attempts.py", "", _COLUMN_REVISION_FILE),
    Step("shared/tables/acts.py", "is_sandboxed decision_wait_ms WORD", "is_sandboxed decision_wait_ms attempt WORD"),
    Step("services/query/answers/acts.py", _IN_ANSWERS, f"{_IN_ANSWERS}    attempt: int | None\n"),
)


def copy_with(steps: Iterable[Step], folder: Path) -> Path:
    """The product as it is after the steps, in `folder`."""
    for name in ("client", "deploy", "services", "shared", "pyproject.toml"):
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    for step in steps:
        _take(step, folder / step.file)
    return folder


def _take(step: Step, file: Path) -> None:
    if not step.old:
        file.write_text(step.new, encoding="utf-8")
        return
    text = file.read_text(encoding="utf-8")
    assert text.count(step.old) == 1, (
        f"{step.file} has not once {step.old!r}: change the step, and CONTRIBUTING.md if it is another place now"
    )
    file.write_text(text.replace(step.old, step.new), encoding="utf-8")


def files_in(guide: str, heading: str) -> set[str]:
    """The files that CONTRIBUTING.md names under a heading, those of a migration as patterns."""
    section = re.search(rf"^## {heading}\n(.*?)^## ", guide, re.MULTILINE | re.DOTALL)
    assert section is not None
    return set(re.findall(r"`((?:shared|services|deploy)/[\w/*.]+\.(?:py|sql))`", section[1]))
