"""A file is known only if all its records were stored, across any number of chunks."""

from uuid import UUID

from services.worker.importers.job.chunks import Chunk, EndedMember, WholeFiles
from services.worker.persist.records import ProjectSeen


def chunk(ids: str, *ended: tuple[int, bytes | None]) -> Chunk:
    records = [ProjectSeen(id=UUID(int=int(n)), project_path="/p") for n in ids]
    return Chunk(records=list(records), ended=[EndedMember(*end) for end in ended])


def left_out(ids: str) -> set[UUID]:
    return {UUID(int=int(n)) for n in ids}


def test_files_of_a_chunk_are_known_if_none_of_their_records_was_left_out() -> None:
    assert WholeFiles().after(chunk("123456", (2, b"a"), (4, b"b"), (6, b"c")), left_out("3")) == [b"a", b"c"]


def test_a_record_left_out_in_an_earlier_chunk_keeps_only_its_file_unknown() -> None:
    files = WholeFiles()
    assert files.after(chunk("12", (1, b"a")), left_out("2")) == [b"a"]
    assert files.after(chunk("34"), left_out("")) == []
    assert files.after(chunk("56", (1, b"b"), (2, b"c")), left_out("")) == [b"c"]


def test_a_partly_read_file_is_not_known() -> None:
    files = WholeFiles()
    assert files.after(chunk("1", (1, None)), left_out("")) == []
    assert files.after(chunk("", (0, b"empty")), left_out("")) == [b"empty"]
