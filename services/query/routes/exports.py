"""Exports of everything: the list, how far one is, and its archive. The ingest service starts and deletes them.

The query service gives the archives out, since it reads the archive's store anyway, beside which they lie; it has no way to the uploads' store.
"""

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import IO, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import StreamingResponse

from services.query.answers.exports import Export, Exports
from services.query.database import Connection, Database
from services.query.http.parameters import FAILURES, RESPONSES, refuse_parameters
from services.query.parameters.fields import ExportId
from services.query.queries.lists import exports
from shared.auth.authentication import grant_of
from shared.auth.export_rights import sees_exports_of
from shared.auth.scopes import READ, requires
from shared.blobs.store import BlobStoreError
from shared.blobs.stores import open_blob
from shared.http.errors import Conflict, Gone, NotFound, Unavailable, existing
from shared.http.middleware import json_response

router = APIRouter(tags=["exports"])

MEDIA_TYPE: Final = "application/zip"
_PIECE_BYTES: Final = 1 << 18
_RANGE: Final = re.compile(r"bytes=(\d{1,18})-(\d{0,18})")
_RESPONSES = FAILURES | {
    200: {"description": "A zip.", "content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}},
    206: {
        "description": "The part that `Range` asks for, so that a download goes on where it stopped.",
        "content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}},
    },
    409: {},
    410: {},
}


@router.get(
    "/api/exports",
    response_model=Exports,
    responses=RESPONSES,
    summary="Exports of everything, newest first",
    dependencies=[Depends(refuse_parameters)],
)
@requires(READ, all_projects=True, or_one_user=True)
def list_exports(request: Request) -> Response:
    """All for an admin; for a key that is bound to a user, the exports that it may start."""
    with _connection(request) as connection:
        return json_response(exports.exports(connection, sees_exports_of(grant_of(request.scope))))


@router.get(
    "/api/exports/{export_id}", response_model=Export, responses=RESPONSES, summary="One export", dependencies=[Depends(refuse_parameters)]
)
@requires(READ, all_projects=True, or_one_user=True)
def show_export(request: Request, export_id: ExportId) -> Response:
    """How far it is; once it is written, the archive's size and SHA-256."""
    with _connection(request) as connection:
        return json_response(_existing(request, connection, export_id))


@router.get(
    "/api/exports/{export_id}/archive",
    response_class=Response,
    responses=_RESPONSES,
    summary="An export's archive",
    dependencies=[Depends(refuse_parameters)],
)
@requires(READ, all_projects=True, or_one_user=True)
def download_export(request: Request, export_id: ExportId) -> Response:
    """A zip with a manifest, rows and transcripts. It is complete if it has `Content-Length` bytes."""
    with _connection(request) as connection:
        found = _existing(request, connection, export_id)
        blob_url = exports.blob_of(connection, export_id)
    if found.status in ("queued", "running"):
        raise Conflict("The export is being written: ask again when its status is succeeded.", details={"status": found.status})
    if blob_url is None or found.bytes is None:
        raise _gone()
    size, etag = found.bytes, f'"{found.sha256}"'
    name = f"tracker-export-{found.created_at:%Y-%m-%d}.zip"
    headers = {"Accept-Ranges": "bytes", "ETag": etag, "Content-Disposition": f'attachment; filename="{name}"', "X-Accel-Buffering": "no"}
    start, end = _range_of(request, size, etag)
    status = 200 if start is None else 206
    if start is not None:
        headers["Content-Range"] = f"bytes {start}-{end}/{size}"
    headers["Content-Length"] = str(end + 1 - (start or 0))
    if request.scope.get("is_head"):
        return Response(headers=headers, media_type=MEDIA_TYPE)
    return StreamingResponse(_content(_opened(blob_url), start or 0, end + 1), status_code=status, headers=headers, media_type=MEDIA_TYPE)


def _connection(request: Request) -> AbstractContextManager[Connection]:
    """Not as the key's own role: which exports it sees is in the statement."""
    database: Database = request.app.state.database
    return database.connection(None, from_primary=True)


def _existing(request: Request, connection: Connection, export_id: UUID) -> Export:
    missing = NotFound("There is no export of this id; see /api/exports.", code="EXPORT_NOT_FOUND")
    return existing(exports.export(connection, export_id, sees_exports_of(grant_of(request.scope))), missing)


def _range_of(request: Request, size: int, etag: str) -> tuple[int | None, int]:
    """First and last byte. No first one if all is asked for, if the range is none of these bytes, or if it is of another archive."""
    found = _RANGE.fullmatch(request.headers.get("range", ""))
    if found is None or int(found[1]) >= size or request.headers.get("if-range", etag) != etag:
        return None, size - 1
    return int(found[1]), min(int(found[2] or size), size - 1)


def _opened(blob_url: str) -> IO[bytes]:
    try:
        return open_blob(blob_url)
    except FileNotFoundError:
        raise _gone() from None
    except BlobStoreError as error:
        raise Unavailable(f"The export cannot be read now: {error}", code="ARCHIVE_UNAVAILABLE", retry_after_seconds=5) from error


def _gone() -> Gone:
    return Gone("The archive of this export is gone: it has expired, failed, or was deleted. Start another.", code="EXPORT_GONE")


def _content(file: IO[bytes], start: int, end: int) -> Iterator[bytes]:
    with file:
        file.seek(start)
        while start < end and (piece := file.read(min(_PIECE_BYTES, end - start))):
            start += len(piece)
            yield piece
