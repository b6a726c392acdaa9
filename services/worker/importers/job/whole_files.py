"""Which files were stored whole. Only those need not be sent again: a file of which records were left out is not known to anybody."""

from collections.abc import Collection
from uuid import UUID

from services.worker.importers.job.chunks import Chunk


class WholeFiles:
    """Follows a share's chunks in their order. A member may begin in one and end in another."""

    def __init__(self) -> None:
        self._is_whole_so_far = True

    def after(self, chunk: Chunk, left_out: Collection[UUID | None]) -> list[bytes]:
        """The hashes of the members that end in the chunk, and of which no record was left out; `left_out` are the ids of this chunk's."""
        whole: list[bytes] = []
        begin = 0
        for ended in chunk.ended:
            if self._goes_on_whole(chunk, begin, ended.records, left_out) and ended.sha256 is not None:
                whole.append(ended.sha256)
            begin = ended.records
            self._is_whole_so_far = True
        self._is_whole_so_far = self._goes_on_whole(chunk, begin, len(chunk.records), left_out)
        return whole

    def _goes_on_whole(self, chunk: Chunk, begin: int, end: int, left_out: Collection[UUID | None]) -> bool:
        return self._is_whole_so_far and not (left_out and any(record.id in left_out for record in chunk.records[begin:end]))
