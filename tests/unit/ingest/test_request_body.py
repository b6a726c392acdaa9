"""A request body is read in full, within its deadline and size limit."""

import asyncio
from typing import Any

import pytest
from fastapi import Request

from services.ingest.http.request_checks import read_body
from shared.http.bind_safety import HttpSettings
from shared.http.concurrency import Limits, RequestSlot
from shared.http.errors import ApiError


def request_of(*messages: dict[str, Any]) -> Request:
    """A request whose body comes in these messages, and then nothing more ever comes."""
    queue = list(messages)

    async def receive() -> dict[str, Any]:
        if not queue:
            await asyncio.Event().wait()
        return queue.pop(0)

    return Request({"type": "http", "headers": [], "request_slot": RequestSlot(Limits.from_settings(HttpSettings()))}, receive)


def chunk(body: bytes, *, more: bool) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


def read(*messages: dict[str, Any]) -> bytes:
    return asyncio.run(read_body(request_of(*messages), max_bytes=8, seconds=0.05))


def test_a_chunked_body_is_joined() -> None:
    assert read(chunk(b"1234", more=True), chunk(b"", more=True), chunk(b"5678", more=False)) == b"12345678"


@pytest.mark.parametrize(
    ("messages", "status", "code"),
    [
        ([chunk(b"123456789", more=False)], 413, "PAYLOAD_TOO_LARGE"),
        ([chunk(b"12345", more=True), chunk(b"6789", more=True)], 413, "PAYLOAD_TOO_LARGE"),
        ([chunk(b"1", more=True)], 408, "REQUEST_TIMEOUT"),
        ([], 408, "REQUEST_TIMEOUT"),
        ([chunk(b"1", more=True), {"type": "http.disconnect"}], 400, "INVALID_JSON"),
    ],
)
def test_a_body_that_is_too_long_too_slow_or_truncated_is_refused(messages: list[dict[str, Any]], status: int, code: str) -> None:
    with pytest.raises(ApiError) as refused:
        read(*messages)
    assert (refused.value.status, refused.value.code) == (status, code)
