"""Files are packed into as few uploads as the server's limit allows, even if they do not compress."""

import random
from pathlib import Path

from client.history import plan, tar_stream
from client.history.plan import SPARE_BYTES, HashedFile, split
from tests.unit.client.local_files import local_file, nothing

LIMIT = 400_000


def known(tmp_path: Path, *sizes: int) -> list[HashedFile]:
    return [
        HashedFile(local_file(tmp_path / f"{index}.jsonl", random.Random(index).randbytes(size)), "") for index, size in enumerate(sizes)
    ]


def sizes(uploads: list[list[HashedFile]]) -> list[list[int]]:
    return [[file.file.size for file in upload] for upload in uploads]


def test_files_within_the_limit_are_one_upload(tmp_path: Path) -> None:
    assert sizes(list(split(known(tmp_path, 1, 100_000, 100_000), LIMIT))) == [[1, 100_000, 100_000]]


def test_files_beyond_the_limit_are_split_and_each_packed_upload_fits(tmp_path: Path) -> None:
    uploads = list(split(known(tmp_path, 200_000, 100_000, 200_000, 300_000), LIMIT))

    assert sizes(uploads) == [[200_000, 100_000], [200_000], [300_000]]
    for upload in uploads:
        packed = b"".join(tar_stream.zstd_packed(tar_stream.tar_of([file.file for file in upload], nothing, lambda *_: None)))
        assert len(packed) < LIMIT - SPARE_BYTES / 2


def test_a_file_above_the_limit_is_uploaded_alone(tmp_path: Path) -> None:
    assert sizes(list(split(known(tmp_path, 10, 500_000, 10), LIMIT))) == [[10], [500_000], [10]]


def test_an_archive_has_no_more_members_than_the_server_reads(tmp_path: Path) -> None:
    one = known(tmp_path, 1)
    assert [len(upload) for upload in split(one * (plan.UPLOAD_FILES + 1), 10**12)] == [plan.UPLOAD_FILES, 1]


def test_no_files_give_no_upload() -> None:
    assert list(split([], LIMIT)) == []
