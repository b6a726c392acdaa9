"""An upload may be large and slow. One that sends almost nothing is ended."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi import Request

from services.ingest.imports import uploads
from shared.blobs.folder import FolderStore
from shared.http.errors import RequestTimeout

HEAD = b'--x\r\nContent-Disposition: form-data; name="file"; filename="c"\r\n\r\n'


def upload(folder: Path, drop: Callable[[], bytes | None]) -> None:
    """Reads a body that begins as a form and goes on with what `drop` gives; None is silence."""
    pieces = [HEAD]

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0)
        piece = pieces.pop() if pieces else drop()
        if piece is None:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": piece, "more_body": True}

    async def read() -> None:
        request = Request({"type": "http", "headers": [(b"content-type", b"multipart/form-data; boundary=x")]}, receive)
        async with uploads.stored_upload(request, FolderStore(folder.as_uri()), 10_000_000):
            pytest.fail("it has no end")

    asyncio.run(read())


@pytest.mark.parametrize("drop", [lambda: None, lambda: b"", lambda: b"y"], ids=["silence", "nothing", "a byte now and then"])
def test_an_upload_below_the_minimum_rate_is_408_and_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, drop: Callable[[], bytes | None]
) -> None:
    monkeypatch.setattr(uploads, "SILENCE_SECONDS", 0.1)
    monkeypatch.setattr(uploads, "SLOWEST_BYTES_A_SECOND", 10_000_000_000)
    with pytest.raises(RequestTimeout, match="The body arrived too slowly"):
        upload(tmp_path, drop)
    assert list(tmp_path.iterdir()) == []
