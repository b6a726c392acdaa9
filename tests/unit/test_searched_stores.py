"""The tests' search for texts finds them in every form in which a store keeps them, and finds nothing else."""

import base64
import gzip
import io
import json
import zipfile
from urllib.parse import quote

import pytest
import zstandard

from tests.searched_stores import TextSearch, unpacked

TEXT = 'Zürich/"Vq7x\\Kd93mT'
OTHER = "otherwise9Xw2"
# As pglz and LZF keep it, with a byte of control after every eight.
_DATA = TEXT.encode()
COMPRESSED = b"\x00".join(_DATA[start : start + 8] for start in range(0, len(_DATA), 8))


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode(),
        TEXT.lower().encode(),
        json.dumps({"text": TEXT}).encode(),
        json.dumps({"text": TEXT}, ensure_ascii=False).encode(),
        json.dumps({"text": json.dumps({"text": TEXT})}).encode(),
        json.dumps(TEXT).replace("/", "\\/").encode(),
        quote(TEXT).encode(),
        *(base64.b64encode(b"." * before + TEXT.encode() + b"..") for before in range(3)),
        b"... " + COMPRESSED + b" ...",
    ],
)
def test_a_text_is_found_in_every_form(content: bytes) -> None:
    search = TextSearch([TEXT, OTHER])

    assert search.found_in(b"before " + content + b" behind") == {TEXT}
    assert search.found_in(b"before " + content[: len(content) // 2]) == set()


def test_packed_contents_are_searched_within_each_other() -> None:
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.zst", zstandard.ZstdCompressor().compress(TEXT.encode()))
        archive.writestr(f"{OTHER}.gz", gzip.compress(b"x"))
    search = TextSearch([TEXT, OTHER])

    found = [search.found_in(each) for each in unpacked(zipped.getvalue())]

    assert set().union(*found) == {TEXT, OTHER}
    assert b"x" in list(unpacked(zipped.getvalue()))
