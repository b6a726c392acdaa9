"""Archives: their members come one after another, known by their content; what cannot be had is said, and the rest comes."""

import gzip
import io
import tarfile
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from services.worker.importers.archive import ArchiveSummary, Member, read_members
from services.worker.importers.archive_limits import Limits
from services.worker.importers.transcript import read_transcript
from services.worker.records import DAMAGED, Message, RecordError
from shared.upload_kinds import Kind
from tests.unit.worker.importers.merged import IDLE_GAP
from tests.unit.worker.importers.rows_of_a_session import jsonl, prompt


def session(n: int, size: int = 50) -> bytes:
    return jsonl(*(prompt(row, f"u{n}-{row}", f"words {n}-{row}") for row in range(size)))


FOLDER = {
    "./.claude/projects/-p/one.jsonl": session(1),
    ".claude/projects/-p/one/subagents/agent-a.meta.json": b'{"agentType":"Explore","description":"x"}',
    ".claude/projects/-p/one/tool-results/x.txt": session(8),
    ".claude/history.jsonl": b'{"display":"hi","timestamp":1759105062139,"project":"/p"}\n',
    ".claude/projects/-p/sessions-index.json": b'{"version":1,"entries":[]}',
    ".claude.json": b'{"numStartups":1,"projects":{"/p":{}}}',
    ".claude/projects/-p/memory/MEMORY.md": b"# Notes\n",
    ".claude/empty.jsonl": b"",
    ".claude/wrong-extension.png": session(2),
}
KINDS = ["transcript", "history", "sessions_index", "claude_json", "transcript"]


def tar_of(members: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, content in members.items():
            header = tarfile.TarInfo(name)
            header.size = len(content)
            tar.addfile(header, io.BytesIO(content))
    return packed.getvalue()


def zip_of(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


PACK: dict[Kind, Callable[[dict[str, bytes]], bytes]] = {
    "tar": tar_of,
    "tar_gz": lambda members: gzip.compress(tar_of(members)),
    "tar_zst": lambda members: zstandard.compress(tar_of(members)),
    "zip": zip_of,
}
STREAMS = [kind for kind in PACK if kind != "zip"]


class Stream(io.RawIOBase):
    """A body that arrives: it cannot go back."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self._file = io.BytesIO(content)

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size)

    def tell(self) -> int:
        return self._file.tell()


def opened(kind: Kind, packed: bytes, **options: Any) -> list[Any]:
    """Every Member as (name, kind, content or the OSError of reading it); the errors and the summary as they are."""
    found: list[Any] = []
    file: Any = io.BytesIO(packed) if kind == "zip" else Stream(packed)
    for one in read_members(file, kind, **options):
        if not isinstance(one, Member):
            found.append(one)
            continue
        try:
            content: Any = one.file.read()
        except OSError as error:
            content = error
        found.append((one.name, one.kind, content))
    return found


def members(found: list[Any]) -> list[Any]:
    return [one for one in found if isinstance(one, tuple)]


def codes(found: list[Any]) -> list[str]:
    return [one.code for one in found if isinstance(one, RecordError)]


@pytest.mark.parametrize("kind", PACK)
def test_members_that_can_be_imported_come_whole_and_the_others_are_counted(kind: Kind) -> None:
    found = opened(kind, PACK[kind](FOLDER))

    assert [member_kind for _, member_kind, _ in members(found)] == KINDS
    assert [content for _, member_kind, content in members(found) if member_kind == "transcript"] == [session(1), session(2)]
    assert found[-1] == ArchiveSummary(given={"transcript": 2, "history": 1, "sessions_index": 1, "claude_json": 1}, skipped={"unknown": 4})
    assert codes(found) == []


@pytest.mark.parametrize("kind", PACK)
def test_a_transcript_is_read_out_of_an_archive_as_it_is_by_itself(kind: Kind) -> None:
    file: Any = io.BytesIO(PACK[kind]({"a": session(1)}))
    [member] = [one for one in read_members(file, kind) if isinstance(one, Member) and _has_50_messages(one)]
    assert (member.index, member.name) == (0, "a")


def _has_50_messages(member: Member) -> bool:
    records = list(read_transcript(member.file, user=None, idle_gap=IDLE_GAP))
    return len([record for record in records if isinstance(record, Message)]) == 50 and member.file.tell() == len(session(1))


@pytest.mark.parametrize("kind", PACK)
def test_a_member_need_not_be_read_and_some_can_be_asked_for(kind: Kind) -> None:
    packed = PACK[kind]({f"{n}": session(n) for n in range(6)})
    file: Any = io.BytesIO(packed)
    assert [one.index for one in read_members(file, kind) if isinstance(one, Member)] == list(range(6))
    assert [(name, content) for name, _, content in members(opened(kind, packed, only=range(2, 4)))] == [
        ("2", session(2)),
        ("3", session(3)),
    ]


@pytest.mark.parametrize("kind", PACK)
def test_credentials_are_left_out_and_reported_by_name_known_by_name_or_by_content(kind: Kind) -> None:
    secret = b'{"claudeAiOauth":{"accessToken":"sk-ant-canary"}}'
    found = opened(kind, PACK[kind]({".claude/.credentials.json": b"sk-ant-canary", "harmless.jsonl": secret, "a": session(1)}))
    assert codes(found) == ["CREDENTIALS", "CREDENTIALS"]
    assert [".claude/.credentials.json" in found[0].message, "harmless.jsonl" in found[1].message] == [True, True]
    assert [name for name, _, _ in members(found)] == ["a"]
    assert "canary" not in repr(found)


@pytest.mark.parametrize("kind", PACK)
@pytest.mark.parametrize("inner", PACK)
def test_an_archive_in_an_archive_is_not_opened(kind: Kind, inner: Kind) -> None:
    found = opened(kind, PACK[kind]({"inner": PACK[inner]({"a": session(1)}), "b": session(2)}))
    assert codes(found) == ["NESTED_ARCHIVE"]
    assert [name for name, _, _ in members(found)] == ["b"]


@pytest.mark.parametrize("kind", PACK)
def test_names_are_only_shown(kind: Kind) -> None:
    names = ["../../etc/passwd", "/abs", "C:\\x", "x" * 5000, "a\x1b[31m", "näme"]
    found = members(opened(kind, PACK[kind]({name: session(1, 1) for name in names})))
    shown = [name for name, _, _ in found]
    assert len(shown) == len(names)
    assert all(name.isprintable() and len(name) <= 255 for name in shown)


def test_only_regular_files_of_a_tar_are_opened() -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.DIRTYPE):
            header = tarfile.TarInfo("x")
            header.type, header.linkname = kind, "/etc/passwd"
            tar.addfile(header)
    assert opened("tar", packed.getvalue()) == [ArchiveSummary(given={}, skipped={})]


def test_a_link_in_a_zip_is_not_followed() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, session(1))
    assert members(opened("zip", packed.getvalue())) == []


@pytest.mark.parametrize("kind", STREAMS)
def test_of_a_tar_that_is_cut_off_all_before_comes_and_the_place(kind: Kind) -> None:
    packed = PACK[kind]({f"{n}": session(n, 200) for n in range(10)})
    found = opened(kind, packed[: len(packed) * 6 // 10])

    whole = [content for _, _, content in members(found) if isinstance(content, bytes)]
    assert whole == [session(n, 200) for n in range(len(whole))]
    assert len(whole) >= 3
    [error] = [one for one in found if isinstance(one, RecordError)]
    assert error.code == DAMAGED
    assert error.offset is not None and 0 < error.offset <= len(packed)


@pytest.mark.parametrize("kind", STREAMS)
def test_a_tar_that_ends_between_two_members_is_damaged_too(kind: Kind) -> None:
    cut = tar_of({"a": session(1), "b": session(2)})[: tar_of({"a": session(1)}).rfind(b"}\n") // 512 * 512 + 512]
    packed = {"tar": cut, "tar_gz": gzip.compress(cut), "tar_zst": zstandard.compress(cut)}[kind]
    found = opened(kind, packed)
    assert [content for _, _, content in members(found)] == [session(1)]
    assert codes(found) == [DAMAGED]


def test_of_a_zip_whose_list_is_cut_off_members_are_found_by_their_headers() -> None:
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        packed = zip_of({f"{n}": session(n, 200) for n in range(10)}, method)
        found = opened("zip", packed[: len(packed) * 6 // 10])
        whole = [content for _, _, content in members(found) if isinstance(content, bytes)]
        assert whole == [session(n, 200) for n in range(len(whole))]
        assert len(whole) >= 3
        assert codes(found) == [DAMAGED]


def test_a_zip_that_was_written_as_a_stream_is_found_without_its_list_too() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(Unseekable(packed), "w", zipfile.ZIP_DEFLATED) as archive:  # type: ignore[arg-type]
        for n in range(5):
            archive.writestr(str(n), session(n))
    found = opened("zip", packed.getvalue()[:-80])
    assert [content for _, _, content in members(found)] == [session(n) for n in range(5)]


class Unseekable:
    def __init__(self, file: io.BytesIO) -> None:
        self.write, self.flush = file.write, file.flush


def test_a_damaged_member_of_a_zip_is_an_error_of_its_own() -> None:
    packed = bytearray(zip_of({"a": session(1), "b": session(2), "c": session(3)}))
    header = packed.find(b"PK\x03\x04", 10)
    packed[header + 60 : header + 90] = b"\xff" * 30
    contents = [content for _, _, content in members(opened("zip", bytes(packed)))]
    assert contents[0] == session(1)
    assert contents[-1] == session(3)
    assert session(2) not in contents


def test_an_encrypted_member_is_named_and_the_others_come() -> None:
    packed = bytearray(zip_of({"secret": session(1), "b": session(2)}))
    # The flag says it, in front of the member and in the list.
    packed[6] |= 1
    packed[packed.find(b"PK\x01\x02") + 8] |= 1
    found = opened("zip", bytes(packed))
    assert codes(found) == ["ENCRYPTED"]
    assert found[0].message.startswith("secret: ")
    assert [name for name, _, _ in members(found)] == ["b"]


@pytest.mark.parametrize("kind", PACK)
def test_more_members_than_allowed_end_the_archive(kind: Kind) -> None:
    found = opened(kind, PACK[kind]({str(n): session(n, 1) for n in range(9)}), limits=Limits(entries=5))
    assert codes(found) == ["LIMIT_EXCEEDED"]
    assert len(members(found)) == (0 if kind == "zip" else 5)


@pytest.mark.parametrize("kind", PACK)
def test_more_bytes_than_allowed_end_the_archive(kind: Kind) -> None:
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


def test_a_name_of_megabytes_is_not_held() -> None:
    assert codes(opened("tar", tar_of({"x" * 3_000_000: session(1)}))) == [DAMAGED]


@settings(max_examples=60)
@given(st.sampled_from(list(PACK)), st.data())
def test_whatever_is_done_to_an_archive_it_is_read_to_its_summary(kind: Kind, data: st.DataObject) -> None:
    packed = bytearray(PACK[kind]({str(n): session(n, 3) for n in range(3)}))
    for _ in range(data.draw(st.integers(1, 4))):
        packed[data.draw(st.integers(0, len(packed) - 1))] = data.draw(st.integers(0, 255))
    del packed[data.draw(st.integers(0, len(packed))) :]
    assert isinstance(opened(kind, bytes(packed))[-1], ArchiveSummary)
