"""The headers of a tar: ustar, pax and GNU. Only names and sizes are read.

Python's tarfile is not used: its time grows with the square of a pax header's length, and it cannot be interrupted meanwhile. Everything here is
linear, and bounded by MAX_HEADER_BYTES.
"""

from typing import NamedTuple, Protocol

from services.worker.importers.unpacking_limits import Unreadable

BLOCK = 512
# Long names and attributes are members of their own, which are held in memory.
MAX_HEADER_BYTES = 1024 * 1024
# A real member has at most a few.
MAX_HEADERS_IN_A_ROW = 16
_REGULAR = frozenset({b"0", b"\0", b"7"})
_PAX, _PAX_GLOBAL, _LONG_NAME, _LONG_LINK, _SPARSE = frozenset({b"x", b"X"}), b"g", b"L", b"K", b"S"
# Links, devices, folders and pipes have no content, even if their header has a size.
_WITHOUT_CONTENT = frozenset({b"1", b"2", b"3", b"4", b"5", b"6"})
# Most digits of a pax record's length; MAX_HEADER_BYTES has fewer.
_LENGTH_DIGITS = 8


class Blocks(Protocol):
    """The tar's bytes."""

    def exactly(self, size: int) -> bytes:
        """Reads `size` bytes; Unreadable if fewer are left."""
        ...


class Header(NamedTuple):
    """A member: its name, how many bytes follow, and whether they are a file's content as it is."""

    name: str
    size: int
    is_file: bool


def next_header(blocks: Blocks) -> Header | None:
    """The next member's header; None at the end mark of the archive. Unreadable if there is no header."""
    attributes: dict[bytes, bytes] = {}
    for _ in range(MAX_HEADERS_IN_A_ROW):
        block = blocks.exactly(BLOCK)
        if not block.strip(b"\0"):
            return None
        _check(block)
        kind, size = block[156:157], _number(block[124:136])
        if kind in _PAX:
            attributes |= _pax_records(_content(blocks, size))
        elif kind == _LONG_NAME:
            attributes[b"path"] = _content(blocks, size).partition(b"\0")[0]
        elif kind in (_PAX_GLOBAL, _LONG_LINK):
            _content(blocks, size)
        else:
            return _member(blocks, block, kind, size, attributes)
    raise Unreadable("a member has too many headers")


def _member(blocks: Blocks, block: bytes, kind: bytes, size: int, attributes: dict[bytes, bytes]) -> Header:
    name = attributes.get(b"path") or _name(block)
    if (size_attribute := attributes.get(b"size")) is not None:
        size = _decimal(size_attribute)
    is_sparse = kind == _SPARSE or any(key.startswith(b"GNU.sparse.") for key in attributes)
    is_extended = kind == _SPARSE and block[482] != 0
    while is_extended:
        is_extended = blocks.exactly(BLOCK)[504] != 0
    if kind in _WITHOUT_CONTENT:
        size = 0
    is_file = kind in _REGULAR and not is_sparse and not (kind == b"\0" and name.endswith(b"/"))
    return Header(name.decode("utf-8", "replace"), size, is_file)


def _name(block: bytes) -> bytes:
    name, prefix = (field.partition(b"\0")[0] for field in (block[:100], block[345:500]))
    # GNU has other fields where POSIX has the prefix of a long name.
    return prefix + b"/" + name if prefix and block[257:263] == b"ustar\0" else name


def _content(blocks: Blocks, size: int) -> bytes:
    if size > MAX_HEADER_BYTES:
        raise Unreadable("a member's name or attributes are too long")
    return blocks.exactly(size + -size % BLOCK)[:size]


def _pax_records(content: bytes) -> dict[bytes, bytes]:
    """The keys that are about names and sizes, from records `length key=value`; the length is that of the whole record."""
    found: dict[bytes, bytes] = {}
    at = 0
    while at < len(content) and content[at] != 0:
        space = content.find(b" ", at, at + _LENGTH_DIGITS + 1)
        digits = content[at:space] if space > 0 else b""
        end = at + int(digits) if digits.isdigit() else 0
        # The end must be behind the blank, else this would loop for ever.
        if not at < space < end or end > len(content) or content[end - 1 : end] != b"\n":
            raise Unreadable("a member's attributes are not as they should be")
        key, _, value = content[space + 1 : end - 1].partition(b"=")
        if key in (b"path", b"size") or key.startswith(b"GNU.sparse."):
            found[key[:100]] = value
        at = end
    return found


def _check(block: bytes) -> None:
    """Checks the header's checksum. Most writers add bytes as unsigned, some as signed."""
    declared = _number(block[148:156])
    others = block[:148] + block[156:]
    unsigned = sum(others) + 8 * ord(" ")
    if declared not in (unsigned, unsigned - 256 * sum(byte > 127 for byte in others)):
        raise Unreadable("something else is where a member should begin")


def _number(field: bytes) -> int:
    """A number in octal digits; in binary if the first bit is set."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    digits = field.partition(b"\0")[0].strip(b" ")
    if not digits:
        return 0
    if not all(48 <= digit <= 55 for digit in digits):
        raise Unreadable("something else is where a member should begin")
    return int(digits, 8)


def _decimal(digits: bytes) -> int:
    if not digits.isdigit() or len(digits) > 19:
        raise Unreadable("a member's size is not as it should be")
    return int(digits)
