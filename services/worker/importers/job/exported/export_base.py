"""An export's part of dropped sessions: numbers without rows. Whether they may come in is decided for all of them together."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any, Final

from psycopg import Connection

from services.worker.importers.formats import exported_base
from services.worker.importers.formats.export_manifest import rows_member
from services.worker.importers.formats.exported_besides import BESIDES
from services.worker.importers.formats.exported_rows import rows_of_member
from services.worker.importers.job import brought_base
from services.worker.importers.job.exported.open_export import OpenedExport
from services.worker.importers.job.lease import StallWatch
from services.worker.importers.job.shards import Shard
from services.worker.persist.records import RecordError

BASE_LEFT_OUT: Final = "BASE_LEFT_OUT"
BASE_TOO_LARGE: Final = "BASE_TOO_LARGE"
_NOT_ALONE: Final = (
    "The numbers of sessions that the other tracker had dropped were left out: a tracker takes them that has no session of what is imported,"
    " since nothing tells whether such a session is here too."
)


class ExportBase:
    """The base of one export. All of it is read once before any of it is stored."""

    def __init__(self, export: OpenedExport, shard: Shard, watch: StallWatch) -> None:
        self._export = export
        self._job_number = shard.job_number
        self._watch = watch

    def refusal(self, connection: Connection[Any]) -> RecordError | None:
        """Why nothing of it is brought; None if it may be."""
        if (too_large := brought_base.too_large(connection, self._job_number, self._sums)) is not None:
            return RecordError(code=BASE_TOO_LARGE, message=too_large)
        selection = self._export.manifest.selection
        paths = set(paths_of(self._export).values()) if selection.project_id is not None else None
        if not brought_base.may_bring(connection, self._job_number, selection.user, paths):
            return RecordError(code=BASE_LEFT_OUT, message=_NOT_ALONE)
        return None

    @cached_property
    def _sums(self) -> brought_base.Sums:
        return brought_base.sums_of(self._watch.watched(self._rows()))

    def _rows(self) -> Iterator[tuple[str, Any]]:
        for table, wanted in exported_base.ROWS.items():
            if rows_member(table) in self._export.members:
                with self._export.open(rows_member(table)) as content:
                    yield from ((table, row[1]) for row in rows_of_member(content, wanted) if not isinstance(row, RecordError))


def paths_of(export: OpenedExport) -> dict[int, str]:
    """The paths of the other tracker's projects by their ids there."""
    if rows_member("projects") not in export.members:
        return {}
    with export.open(rows_member("projects")) as content:
        rows = rows_of_member(content, BESIDES["projects"])
        return {row[1].id: row[1].path for row in rows if not isinstance(row, RecordError)}
