"""Tar headers are read as Python's tarfile reads them, in time linear in their length."""

import io
import subprocess
import sys
import tarfile
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.worker.importers.archives.tar_headers import next_header
from tests.unit.worker.importers.archives.made_archives import codes, members, opened, session

# Far longer than it takes on any machine; what takes the square of a million takes an hour.
MINUTES = 120
BLOCK = 512
names = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), min_size=1, max_size=300).filter(
    lambda name: not name.endswith("/")
)


def header(kind: bytes, size: int, name: bytes = b"x") -> bytes:
    block = bytearray(name.ljust(100, b"\0") + b"0000644\0" * 3 + b"%011o\0" % size + b"0" * 11 + b"\0" + b" " * 8 + kind).ljust(
        BLOCK, b"\0"
    )
    block[257:265] = b"ustar\x0000"
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % BLOCK)


def with_attributes(attributes: bytes, kind: bytes = b"x") -> bytes:
    """A tar of one transcript with these attributes."""
    content = session(1)
    return header(kind, len(attributes)) + padded(attributes) + header(b"0", len(content), b"a.jsonl") + padded(content) + bytes(2 * BLOCK)


@given(
    st.lists(st.tuples(names, st.binary(max_size=1500)), max_size=5),
    st.sampled_from([tarfile.USTAR_FORMAT, tarfile.PAX_FORMAT, tarfile.GNU_FORMAT]),
)
def test_names_and_contents_equal_those_of_tarfile(files: list[tuple[str, bytes]], form: int) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=form, encoding="utf-8") as tar:
        for name, content in files:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            try:
                tar.addfile(info, io.BytesIO(content))
            except ValueError:
                # ustar has no room for every name.
                continue
    packed.seek(0)
    with tarfile.open(fileobj=packed, encoding="utf-8", errors="replace") as tar:
        expected = [(member.name, tar.extractfile(member).read()) for member in tar if member.isreg()]  # type: ignore[union-attr]

    found = []
    blocks = Blocks(packed.getvalue())
    while (read := next_header(blocks)) is not None:
        found.append((read.name, blocks.exactly(read.size)))
        blocks.exactly(-read.size % BLOCK)

    assert [(name.rstrip("/"), content) for name, content in found] == expected


class Blocks:
    def __init__(self, content: bytes) -> None:
        self._file = io.BytesIO(content)

    def exactly(self, size: int) -> bytes:
        data = self._file.read(size)
        assert len(data) == size
        return data


ATTACKS: dict[str, Callable[[], bytes]] = {
    "a length of a million digits": lambda: with_attributes(b"9" * 1_000_000),
    "a million digits and a blank": lambda: with_attributes(b"1" * 999_000 + b" path=x\n"),
    "many records": lambda: with_attributes(b"5 a=\n" * 200_000),
    "many records that are one digit": lambda: with_attributes(b"1" * 1_000_000, b"g"),
    "no end of headers": lambda: with_attributes(b"") + header(b"x", 0) * 20_000,
    "a size of a million digits": lambda: with_attributes(b"1000013 size=" + b"9" * 999_999 + b"\n"),
    "nothing but digits as GNU's name": lambda: header(b"L", 1_000_000) + padded(b"7" * 1_000_000) + bytes(2 * BLOCK),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_hostile_headers_are_read_in_linear_time(name: str) -> None:
    """In a process of its own, that can be ended: within the parser no exception ends it."""
    program = "import sys; from tests.unit.worker.importers.archives.test_tar_headers import read_attack; print(read_attack(sys.argv[1]))"
    done = subprocess.run([sys.executable, "-c", program, name], capture_output=True, text=True, timeout=MINUTES, check=True)
    assert done.stdout.strip() in ("[]", "['DAMAGED']")


def read_attack(name: str) -> list[str]:
    return codes(opened("tar", ATTACKS[name]()))


@pytest.mark.parametrize(
    "attributes",
    [b"x", b"3 x", b"8 path=x\n", b"11 pathx=y\n", b"0 a=b\n", b"-1 a=b\n", b"99 a=b\n", b" a=b\n", b"11 pathx=y\n\n", b"13 size=-99\n\n"],
)
def test_malformed_pax_attributes_are_damage(attributes: bytes) -> None:
    assert codes(opened("tar", with_attributes(attributes))) == (["DAMAGED"] if attributes != b"11 pathx=y\n" else [])


def test_a_pax_size_overrides_the_header_size() -> None:
    content = session(1)
    attributes = b"size=%d\n" % len(content)
    attributes = b"%d %s" % (len(attributes) + 3, attributes)
    packed = header(b"x", len(attributes)) + padded(attributes) + header(b"0", 0, b"a") + padded(content) + bytes(2 * BLOCK)

    assert members(opened("tar", packed)) == [("a", "transcript", content)]


def test_sparse_files_are_skipped_with_their_extended_headers() -> None:
    extended = bytearray(header(b"S", BLOCK, b"sparse"))
    extended[482] = 1
    extended[148:156] = b" " * 8
    extended[148:156] = b"%06o\0 " % sum(extended)
    more = bytes(504) + b"\1" + bytes(7)
    content = session(1)
    packed = bytes(extended) + more + bytes(BLOCK) + bytes(BLOCK) + header(b"0", len(content), b"a") + padded(content) + bytes(2 * BLOCK)

    assert members(opened("tar", packed)) == [("a", "transcript", content)]
