"""Ranges of a transcript, as the shipper sends them."""

from collections.abc import Mapping
from typing import Any

import httpx2 as httpx

from shared.events.messages import TranscriptRange
from tests.integration.ingest.conftest import Service

SESSION = "01a2f8de-63b4-4f2d-9d0f-2b6c3f0f8f11"
FILE = f"{SESSION}.jsonl"
ONE, TWO, THREE = b'{"n":1}\n', b'{"n":22}\n', b'{"n":333}\n'
MACHINE = {"x-tracker-machine": "m-1"}


def put(
    service: Service,
    body: bytes,
    offset: int,
    *,
    file: str = FILE,
    session_id: str = SESSION,
    headers: Mapping[str, str] = MACHINE,
    **query: Any,
) -> httpx.Response:
    parameters = {"file": file, "offset": offset} | query
    headers = {"content-type": "application/x-ndjson"} | headers
    return service.http.put(f"/api/transcripts/{session_id}", params=parameters, content=body, headers=headers)


def ranges(service: Service) -> list[TranscriptRange]:
    return [item for envelope in service.envelopes() for item in envelope.ranges]


def contents(service: Service) -> list[tuple[int, int, str]]:
    return [(item.start_offset, item.end_offset, item.content) for item in ranges(service)]
