"""The tar is built while it is sent. Python's tarfile reads back what was on disk, even if files change meanwhile."""

import io
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest
import zstandard

from client.history.claude_files import LocalFile, Problem
from client.history.tar_stream import END, member_bytes, tar_of, zstd_packed
from tests.unit.client.local_files import local_file, nothing

LONG = "projects/" + "x" * 150 + "/" + "y" * 150 + ".jsonl"


def sent(files: Sequence[LocalFile]) -> tuple[bytes, dict[str, str]]:
    """The tar, and {name: what was wrong}."""
    problems: dict[str, str] = {}

    def on_problem(file: LocalFile, problem: Problem) -> None:
        assert file.name not in problems
        problems[file.name] = problem.reason

    return b"".join(tar_of(files, nothing, on_problem)), problems


def contents(tar: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(tar), mode="r:") as opened:
        return {member.name: opened.extractfile(member).read() for member in opened.getmembers()}  # type: ignore[union-attr]


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, 3_000_000])
@pytest.mark.parametrize("name", ["a.jsonl", LONG, "projects/-größe/ü.jsonl", "projects/-bad\udcff/a.jsonl"])
def test_a_file_round_trips_through_the_tar(tmp_path: Path, size: int, name: str) -> None:
    content = bytes(n % 251 for n in range(1000)) * (size // 1000 + 1)
    file = local_file(tmp_path / "file", content[:size], name=name)

    tar, problems = sent([file])

    assert contents(tar) == {name: content[:size]}
    assert problems == {}
    assert len(tar) == member_bytes(file) + len(END)


def test_a_compressed_stream_round_trips(tmp_path: Path) -> None:
    file = local_file(tmp_path / "file", b"text " * 1_000_000)
    read: list[int] = []
    packed = b"".join(zstd_packed(tar_of([file], read.append, lambda *_: None)))
    assert contents(zstandard.ZstdDecompressor().decompressobj().decompress(packed)) == {"file": b"text " * 1_000_000}
    assert len(packed) < 10_000
    assert sum(read) == file.size


def test_equal_files_give_identical_bytes(tmp_path: Path) -> None:
    files = [local_file(tmp_path / name, name.encode() * 1000) for name in "abc"]
    assert b"".join(zstd_packed([sent(files)[0]])) == b"".join(zstd_packed([sent(files)[0]]))


def test_a_file_that_grew_is_sent_up_to_its_first_size(tmp_path: Path) -> None:
    file = local_file(tmp_path / "a", b"first\n")
    file.path.write_bytes(b"first\nsecond\n")
    assert contents(sent([file])[0]) == {"a": b"first\n"}


def test_a_file_that_shrank_is_padded_with_line_feeds_and_reported(tmp_path: Path) -> None:
    shrunk, other = local_file(tmp_path / "a", b"0123456789" * 200_000), local_file(tmp_path / "b", b"whole")
    shrunk.path.write_bytes(b"0123456789")

    tar, problems = sent([shrunk, other])

    assert contents(tar) == {"a": b"0123456789" + b"\n" * 1_999_990, "b": b"whole"}
    assert problems == {"a": "became shorter while it was read"}


def test_a_deleted_file_is_left_out_and_reported(tmp_path: Path) -> None:
    gone, other = local_file(tmp_path / "a", b"gone"), local_file(tmp_path / "b", b"whole")
    gone.path.unlink()

    tar, problems = sent([gone, other])

    assert contents(tar) == {"b": b"whole"}
    assert list(problems) == ["a"]
