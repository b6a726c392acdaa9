"""The archive's store, a folder or a bucket: the same content is stored once, all of it or nothing."""

import os
import stat
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from shared.blobs.contents import ContentStore
from shared.blobs.store import BlobStoreAway
from shared.blobs.stores import archive_at, store_at
from tests.s3_server import BUCKET

CONTENT = b'{"type":"user"}\n' * 1000
NAME = sha256(CONTENT).hexdigest()


@pytest.fixture(params=["folder", "bucket"])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> ContentStore:
    if request.param == "bucket":
        request.getfixturevalue("s3")
        return archive_at(f"s3://{BUCKET}/archive")
    return archive_at((tmp_path / "the archive").as_uri())


def test_a_content_round_trips_and_can_be_deleted(archive: ContentStore) -> None:
    assert not archive.has(NAME)

    archive.put(NAME, CONTENT)

    assert (archive.has(NAME), archive.get(NAME)) == (True, CONTENT)
    [stored] = archive.stored()
    assert (stored.name, stored.size) == (NAME, len(CONTENT))
    assert abs(datetime.now(UTC) - stored.put_at) < timedelta(minutes=1)

    archive.delete(NAME)
    archive.delete(NAME)
    assert list(archive.stored()) == []
    with pytest.raises(FileNotFoundError):
        archive.get(NAME)


def test_the_same_content_is_stored_once(archive: ContentStore) -> None:
    for _ in range(3):
        archive.put(NAME, CONTENT)
    archive.put("0" * 64, b"other")

    assert {stored.name for stored in archive.stored()} == {NAME, "0" * 64}


def test_many_contents_are_listed_over_pages(archive: ContentStore) -> None:
    names = {sha256(bytes([n])).hexdigest() for n in range(12)}
    for name in names:
        archive.put(name, b"x")

    assert {stored.name for stored in archive.stored()} == names


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 63 + "/"])
def test_only_a_hash_is_a_name(archive: ContentStore, name: str) -> None:
    for use in (archive.get, archive.has, archive.delete, lambda name: archive.put(name, b"x")):
        with pytest.raises(ValueError, match="not the name"):
            use(name)


def test_putting_again_makes_the_time_of_a_file_new(tmp_path: Path) -> None:
    """So garbage collection sees that somebody is about to refer to it."""
    archive = archive_at(tmp_path.as_uri())
    archive.put(NAME, CONTENT)
    path = next(tmp_path.glob("??/*"))
    os.utime(path, (0, 0))

    archive.put(NAME, CONTENT)

    assert path.stat().st_mtime > 1_000_000
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_unfinished_files_are_no_contents_and_go_after_a_day(tmp_path: Path) -> None:
    archive = archive_at(tmp_path.as_uri())
    archive.put(NAME, CONTENT)
    old, new = (tmp_path / NAME[:2] / f".unfinished-{n}" for n in ("old", "new"))
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))

    assert [stored.name for stored in archive.stored()] == [NAME]
    assert (old.exists(), new.exists()) == (False, True)


def test_a_folder_that_cannot_be_made_is_an_archive_that_is_away(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    archive = archive_at((tmp_path / "file" / "archive").as_uri())

    with pytest.raises(BlobStoreAway, match="Nothing can be written"):
        archive.put(NAME, CONTENT)


def test_the_sweep_of_uploads_does_not_see_contents_in_the_same_place(tmp_path: Path, s3: Any) -> None:
    for url in (tmp_path.as_uri(), f"s3://{BUCKET}/same"):
        archive_at(url).put(NAME, CONTENT)
        assert list(store_at(url).stored()) == []


def test_a_wrong_url_names_the_archives_setting() -> None:
    for url in ("http://a/b", "s3://", "file:relative"):
        with pytest.raises(ValueError, match="TRACKER_ARCHIVE_URL"):
            archive_at(url)


def test_a_folder_that_cannot_be_read_is_a_store_that_is_away(tmp_path: Path) -> None:
    """given something else in a content's place, then it is no lost content: reading it again later may help."""
    archive = archive_at(tmp_path.as_uri())
    (tmp_path / NAME[:2] / NAME[2:]).mkdir(parents=True)

    with pytest.raises(BlobStoreAway, match=r"cannot be read in .*; give"):
        archive.get(NAME)
