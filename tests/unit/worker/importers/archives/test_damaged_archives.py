"""Truncated, damaged or encrypted archives and bombs: readable members come, the rest is reported with its place."""

import gzip
import io
import struct
import zipfile

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from services.worker.importers.archives.archive_members import ArchiveSummary, Member, read_members
from services.worker.importers.formats.transcript.transcript_reader import read_transcript
from services.worker.importers.unpacking_limits import Limits
from services.worker.persist.records import DAMAGED, Message, RecordError
from shared.claude_formats.upload_kinds import Kind
from tests.unit.worker.importers.archives.made_archives import PACK, STREAMS, codes, members, opened, session, tar_of, zip_of
from tests.unit.worker.importers.merged import IDLE_GAP


@pytest.mark.parametrize("kind", STREAMS)
def test_a_truncated_tar_gives_all_members_before_the_cut(kind: Kind) -> None:
    packed = PACK[kind]({f"{n}": session(n, 200) for n in range(10)})
    found = opened(kind, packed[: len(packed) * 6 // 10])

    whole = [content for _, _, content in members(found) if isinstance(content, bytes)]
    assert whole == [session(n, 200) for n in range(len(whole))]
    assert len(whole) >= 3
    [error] = [one for one in found if isinstance(one, RecordError)]
    assert error.code == DAMAGED
    assert error.offset is not None and 0 < error.offset <= len(packed)


@pytest.mark.parametrize("kind", STREAMS)
def test_a_tar_cut_between_two_members_is_damaged(kind: Kind) -> None:
    cut = tar_of({"a": session(1), "b": session(2)})[: tar_of({"a": session(1)}).rfind(b"}\n") // 512 * 512 + 512]
    packed = {"tar": cut, "tar_gz": gzip.compress(cut), "tar_zst": zstandard.compress(cut)}[kind]
    found = opened(kind, packed)
    assert [content for _, _, content in members(found)] == [session(1)]
    assert codes(found) == [DAMAGED]


def test_members_of_a_zip_without_directory_are_found_by_local_headers() -> None:
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        packed = zip_of({f"{n}": session(n, 200) for n in range(10)}, method)
        found = opened("zip", packed[: len(packed) * 6 // 10])
        whole = [content for _, _, content in members(found) if isinstance(content, bytes)]
        assert whole == [session(n, 200) for n in range(len(whole))]
        assert len(whole) >= 3
        assert codes(found) == [DAMAGED]


def test_a_zip_member_without_a_name_is_read() -> None:
    packed = zip_of({"a": session(1), "b": session(2)})
    at = packed.rfind(b"PK\x01\x02")
    # The list says that the second name has no characters; what was its name is one byte of the comment.
    nameless = packed[: at + 28] + b"\0\0\0\0\1\0" + packed[at + 34 :]
    found = opened("zip", nameless)
    assert members(found)[0][2] == session(1)
    assert "DAMAGED_MEMBER" in codes(found)


def test_members_of_a_streamed_zip_without_directory_are_found() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(Unseekable(packed), "w", zipfile.ZIP_DEFLATED) as archive:  # type: ignore[arg-type]
        for n in range(5):
            archive.writestr(str(n), session(n))
    found = opened("zip", packed.getvalue()[:-80])
    assert [content for _, _, content in members(found)] == [session(n) for n in range(5)]


class Unseekable:
    def __init__(self, file: io.BytesIO) -> None:
        self.write, self.flush = file.write, file.flush


def test_a_damaged_zip_member_does_not_affect_the_others() -> None:
    packed = bytearray(zip_of({"a": session(1), "b": session(2), "c": session(3)}))
    header = packed.find(b"PK\x03\x04", 10)
    packed[header + 60 : header + 90] = b"\xff" * 30
    contents = [content for _, _, content in members(opened("zip", bytes(packed)))]
    assert contents[0] == session(1)
    assert contents[-1] == session(3)
    assert session(2) not in contents


def test_a_damaged_zip_member_is_read_up_to_the_damage() -> None:
    whole = session(1, 4000)
    packed = bytearray(zip_of({"a": whole}, zipfile.ZIP_STORED))
    packed[len(packed) - 300] ^= 1
    archive = read_members(io.BytesIO(packed), "zip")
    member = next(archive)
    assert isinstance(member, Member)
    records = list(read_transcript(member.file, user=None, idle_gap=IDLE_GAP))
    assert len([record for record in records if isinstance(record, Message)]) > 3800
    assert DAMAGED in codes(records)


def test_an_encrypted_member_is_reported_and_the_others_are_read() -> None:
    packed = bytearray(zip_of({"secret": session(1), "b": session(2)}))
    # The flag says it, in front of the member and in the list.
    packed[6] |= 1
    packed[packed.find(b"PK\x01\x02") + 8] |= 1
    found = opened("zip", bytes(packed))
    assert codes(found) == ["ENCRYPTED"]
    assert found[0].message.startswith("secret: ")
    assert [name for name, _, _ in members(found)] == ["b"]


@pytest.mark.parametrize("kind", PACK)
def test_reading_ends_at_the_member_limit(kind: Kind) -> None:
    found = opened(kind, PACK[kind]({str(n): session(n, 1) for n in range(9)}), limits=Limits(entries=5))
    assert codes(found) == ["LIMIT_EXCEEDED"]
    assert len(members(found)) == (0 if kind == "zip" else 5)


@pytest.mark.parametrize("kind", PACK)
def test_reading_ends_at_the_unpacked_bytes_limit(kind: Kind) -> None:
    found = opened(kind, PACK[kind]({str(n): session(n, 500) for n in range(9)}), limits=Limits(unpacked_bytes=4 * len(session(1, 500))))
    assert codes(found) == ["LIMIT_EXCEEDED"]
    assert 2 <= len([content for _, _, content in members(found) if isinstance(content, bytes)]) <= 4


@pytest.mark.parametrize("kind", ["tar_gz", "tar_zst", "zip"])
def test_a_bomb_is_not_unpacked(kind: Kind) -> None:
    bomb = session(0, 1) + b"\n" * 30_000_000
    found = opened(kind, PACK[kind]({"a": session(1), "bomb": bomb}), limits=Limits(ratio_from_bytes=1_000_000))
    (_, _, first), (_, _, second) = members(found)
    assert first == session(1)
    assert isinstance(second, OSError)
    assert "times its size" in str(second)


def overlapping_zip(entries: int, content: bytes) -> bytes:
    """A zip whose list names one member so many times."""
    packed = zip_of({"00000": content})
    at = packed.index(b"PK\x01\x02")
    end = packed.index(b"PK\x05\x06")
    listed = packed[at:end]
    names = [listed.replace(b"00000", f"{n:05}".encode()) for n in range(entries)]
    directory = b"".join(names)
    return packed[:at] + directory + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, entries, entries, len(directory), at, 0)


# Newer zipfiles warn of it; the limits here do not rest on that.
@pytest.mark.filterwarnings("ignore:Overlapped entries:UserWarning")
def test_overlapping_zip_members_are_read_once() -> None:
    content = session(0, 500)
    found = opened("zip", overlapping_zip(3000, content))

    assert members(found) == [("00000", "transcript", content)]
    assert codes(found) == ["DAMAGED_MEMBER"] * 2999


@pytest.mark.parametrize("kind", ["tar_gz", "tar_zst", "zip"])
def test_a_bomb_of_many_members_is_not_unpacked(kind: Kind) -> None:
    """given members of which none is large enough to be a bomb by itself."""
    content = session(0, 1) + b"\n" * 900_000
    found = opened(kind, PACK[kind]({str(n): content for n in range(30)}), limits=Limits(ratio_from_bytes=1_000_000))

    assert codes(found)[-1] == "LIMIT_EXCEEDED"
    assert len([part for _, _, part in members(found) if isinstance(part, bytes)]) < 10


def test_a_false_member_count_in_the_zip_directory_is_not_trusted() -> None:
    packed = bytearray(overlapping_zip(3000, session(0)))
    end = packed.index(b"PK\x05\x06")
    packed[end + 8 : end + 12] = struct.pack("<2H", 1, 1)

    assert codes(opened("zip", bytes(packed), limits=Limits(entries=1000))) == ["LIMIT_EXCEEDED"]


def test_a_member_name_of_megabytes_is_refused() -> None:
    assert codes(opened("tar", tar_of({"x" * 3_000_000: session(1)}))) == [DAMAGED]


@settings(max_examples=60)
@given(st.sampled_from(list(PACK)), st.data())
def test_any_corrupted_archive_is_read_to_its_summary(kind: Kind, data: st.DataObject) -> None:
    packed = bytearray(PACK[kind]({str(n): session(n, 3) for n in range(3)}))
    for _ in range(data.draw(st.integers(1, 4))):
        packed[data.draw(st.integers(0, len(packed) - 1))] = data.draw(st.integers(0, 255))
    del packed[data.draw(st.integers(0, len(packed))) :]
    assert isinstance(opened(kind, bytes(packed))[-1], ArchiveSummary)
