"""A line of an export's other rows: users, projects, machines, marks and views. Each is held to what the API takes of the same."""

import re
from datetime import datetime
from types import GenericAlias
from typing import Annotated, Any, ClassVar, Final, Literal
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from services.worker.importers.formats.export_manifest import beside_sessions, check_times
from services.worker.persist.tombstones import Kind
from shared.dashboard_addresses import MAX_ADDRESS, MAX_VIEW_NAME, is_dashboard_address
from shared.events.machine_reports import MachineReport, complete, stored
from shared.events.messages import MACHINE_ID, Name, Path, has_control_characters
from shared.events.project_paths import normalize_project_path, path_or_none
from shared.events.session_marks import Note, Tags, Title
from shared.projects.path_rules import MAX_LENGTH, problem_of
from shared.projects.remotes import told_remote
from shared.sessions.session_tags import distinct
from shared.tables.catalogue import TABLES
from shared.tables.table import Column, Holds

Time = Annotated[datetime, Meta(tz=True)]
Visibility = Literal["private", "shared"]
_MachineId = Annotated[str, Meta(pattern=f"^{MACHINE_ID}$", max_length=64)]
_SessionId = Annotated[str, Meta(min_length=1, max_length=200)]


class _Row(Struct):
    """`IDENTIFIERS`: fields that must have no control characters. `NAMED`: fields that a tombstone may be of, each with its kind."""

    IDENTIFIERS: ClassVar[tuple[str, ...]] = ()
    NAMED: ClassVar[tuple[tuple[Kind, str], ...]] = ()

    def __post_init__(self) -> None:
        """ValueError, which makes the line an error of its own."""
        check_times(self)
        for name in self.IDENTIFIERS:
            value = getattr(self, name)
            if any(has_control_characters(text) for text in (value if isinstance(value, list) else [value]) if text):
                raise ValueError(f"{name} has control characters")


class User(_Row):
    """`alias_of`: the user whose other name it is."""

    IDENTIFIERS = ("name", "alias_of")
    NAMED = (("user", "name"),)

    name: Name
    alias_of: Name | None = None


class Project(_Row):
    """`part_of`: the path of what it was merged into, and `merged_by` which rule did. `id`: in the other tracker."""

    IDENTIFIERS = ("group_name",)
    NAMED = (("project", "path"),)

    id: Annotated[int, Meta(ge=1, le=2**62)]
    path: Path
    name: Path
    is_named: bool = True
    group_name: Name | None = None
    is_archived: bool = False
    is_kept_apart: bool = False
    visibility: Visibility | None = None
    part_of: Path | None = None
    merged_by: Literal["hand", "worktree", "remote", "path_rule"] | None = None
    merge_evidence: Annotated[str, Meta(max_length=8192)] | None = None
    merged_at: Time | None = None

    def __post_init__(self) -> None:
        """ValueError."""
        super().__post_init__()
        self.path = normalize_project_path(self.path)
        self.part_of = path_or_none(self.part_of)


class Place(_Row):
    """A folder as a machine told of it."""

    IDENTIFIERS = ("told_by",)
    NAMED = (("project", "path"),)

    told_by: Name
    path: Path
    told_at: Time
    common_dir: Path | None = None
    remote: Annotated[str, Meta(max_length=4096)] | None = None
    inside: Annotated[str, Meta(max_length=4096)] = ""
    is_main: bool = False

    def __post_init__(self) -> None:
        """ValueError."""
        super().__post_init__()
        self.path = normalize_project_path(self.path)
        self.common_dir = path_or_none(self.common_dir)
        self.remote = told_remote(self.remote) if self.remote else None


class Rule(_Row):
    """A rule about paths."""

    IDENTIFIERS = ("pattern",)
    NAMED = (("project", "project_path"),)

    pattern: Annotated[str, Meta(min_length=1, max_length=MAX_LENGTH)]
    project_path: Path

    def __post_init__(self) -> None:
        """ValueError."""
        super().__post_init__()
        if problem := problem_of(self.pattern):
            raise ValueError(f"pattern {problem}")


class DroppedTexts(_Row):
    """A session without texts of `before` a time."""

    IDENTIFIERS = ("session_id",)
    NAMED = (("session", "session_id"),)

    session_id: _SessionId
    before: Time


class Machine(_Row):
    """`report`: of its shipper, without name and user."""

    IDENTIFIERS = ("name", "user")
    NAMED = (("user", "user"),)

    machine_id: _MachineId
    name: Name
    first_seen_at: Time
    last_heard_at: Time
    user: Name | None = None
    report: dict[str, Any] = {}

    def __post_init__(self) -> None:
        """ValueError."""
        super().__post_init__()
        reported = msgspec.convert(self.report | {"name": self.name}, MachineReport)
        complete(reported)
        self.report = stored(reported)


class BesideSession(_Row):
    """A row that goes with a session as it is. Postgres says of numbers and ids whether they are of their columns' types."""

    IDENTIFIERS = ("session_id",)
    NAMED = (("session", "session_id"),)

    session_id: _SessionId


class SessionMachine(BesideSession):
    """A session was seen on a machine."""

    machine_id: _MachineId


class Marks(_Row):
    """The notes of people on a session."""

    IDENTIFIERS = ("session_id", "tags", "title")
    NAMED = (("session", "session_id"),)

    session_id: _SessionId
    changed_at: Time
    is_starred: bool = False
    tags: Tags = []
    note: Note | None = None
    title: Title | None = None
    visibility: Visibility | None = None

    def __post_init__(self) -> None:
        """ValueError."""
        super().__post_init__()
        self.tags = distinct(tag.strip() for tag in self.tags)
        if "" in self.tags:
            raise ValueError("tags has one that is blank")


class View(_Row):
    """A saved view of the dashboard."""

    IDENTIFIERS = ("name",)

    id: UUID
    name: Annotated[str, Meta(min_length=1, max_length=MAX_VIEW_NAME)]
    address: Annotated[str, Meta(max_length=MAX_ADDRESS)]
    created_at: Time

    def __post_init__(self) -> None:
        """ValueError."""
        super().__post_init__()
        if not self.name.strip() or not is_dashboard_address(self.address):
            raise ValueError("address is no page of the dashboard, or name is blank")


# The Struct of a row, by table.
BESIDES: Final[dict[str, type[Any]]] = {
    "users": User,
    "projects": Project,
    "project_places": Place,
    "project_rules": Rule,
    "machines": Machine,
    "dropped_texts": DroppedTexts,
    "session_machines": SessionMachine,
    "session_marks": Marks,
    "saved_views": View,
}


def besides() -> set[str]:
    """The tables whose rows are stored by themselves: they are no records, and count for nothing."""
    return {*BESIDES, *beside_sessions()}


# By what a column holds, for rows that go with a session. Others hold JSON, or an id of any type.
_TYPES: Final[dict[Holds, Any]] = {
    Holds.TIME: Time,
    Holds.NUMBER: int | float | bool,
    Holds.USER_NAME: Name,
    **dict.fromkeys((Holds.HASH, Holds.NAME, Holds.TEXT, Holds.BYTES), str),
}


def type_of_rows(table: str) -> type[Any]:
    """The Struct of a table's rows."""
    if table in BESIDES:
        return BESIDES[table]
    columns = [column for column in TABLES[table].columns if column.is_exported and column.name != "session_id"]
    users = tuple(column.name for column in columns if column.holds is Holds.USER_NAME)
    of_rows = {
        "IDENTIFIERS": (*BesideSession.IDENTIFIERS, *users),
        "NAMED": (*BesideSession.NAMED, *(("user", name) for name in users)),
    }
    return msgspec.defstruct(
        table, [(column.name, _type_of(column), None) for column in columns], bases=(BesideSession,), namespace=of_rows
    )


def _type_of(column: Column) -> Any:
    of_one = _TYPES.get(column.holds, Any)
    return (GenericAlias(list, (of_one,)) if column.is_array else of_one) | None


_PROJECT: Final = re.compile(r"((?:^/projects/|[?&]project_id=))(\d{1,18})(?![^?&])")


def with_own_projects(address: str, ids: dict[int, int]) -> str:
    """A view's address with this tracker's projects. `ids`: theirs here, by those there; one that is not here stays as it is."""
    return _PROJECT.sub(lambda found: f"{found[1]}{ids.get(int(found[2]), found[2])}", address)
