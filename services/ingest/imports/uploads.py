"""An import's files, from a multipart stream to the blob store, without ever holding one in memory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from services.ingest.events.decode import check_identifier
from services.ingest.http import request_checks
from services.ingest.imports.file_kind import EXPECTED, kind_of
from services.ingest.imports.upload_writer import Blob, answering_503, new_blob
from shared.blobs.store import BlobStore
from shared.http.errors import BadRequest, RequestTimeout, UnsupportedMediaType, invalid

MAX_FILES = 100
MAX_FIELDS = 10
MAX_FIELD_BYTES = 4096
MAX_USER_CHARACTERS = 200
# A body may be gigabytes, but some of it must arrive in this time.
SILENCE_SECONDS = 30
# And over the whole of it this much, counted while we wait for the client: others want the place of an upload too.
SLOWEST_BYTES_A_SECOND = 16 * 1024


@dataclass(slots=True)
class StoredFile:
    """A `file` part: the client's name for it, its content, and what it is once that was looked at."""

    name: str
    blob: Blob
    kind: str = ""


@dataclass(slots=True)
class Upload:
    """What a multipart body held."""

    files: list[StoredFile] = field(default_factory=list)
    user: str | None = None
    # Whether a job has them may be unknown for a while; then whoever finds it out removes them or not.
    in_doubt: bool = False

    async def remove(self) -> None:
        """Takes its blobs out of the store."""
        for file in self.files:
            await file.blob.remove()


@asynccontextmanager
async def stored_upload(request: Request, store: BlobStore, max_bytes: int) -> AsyncIterator[Upload]:
    """The upload, checked and durable. If the block fails, its blobs are removed, unless it says that they are in doubt.

    UnsupportedMediaType, PayloadTooLarge, RequestTimeout, Unavailable; BadRequest for a body that is no multipart, has no file, or one we do not know.
    """
    reader = _Reader(_boundary(request), store)
    try:
        await _read(request, reader, max_bytes)
        for file in reader.upload.files:
            await file.blob.close()
            file.kind = await asyncio.to_thread(_kind, file)
        yield reader.upload
    except BaseException:
        if not reader.upload.in_doubt:
            await reader.upload.remove()
        raise


def _kind(file: StoredFile) -> str:
    with answering_503(), file.blob.open() as content:
        return kind_of(content, file.name)


def _boundary(request: Request) -> bytes:
    media_type, options = parse_options_header(request_checks.headers_of(request).get(b"content-type", b""))
    boundary = options.get(b"boundary", b"")
    if media_type != b"multipart/form-data" or not 1 <= len(boundary) <= 70:
        raise UnsupportedMediaType("Send the file as multipart/form-data, in a field named file.", details={"Content-Type": "not taken"})
    return boundary


async def _read(request: Request, reader: "_Reader", max_bytes: int) -> None:
    size = 0
    waited = 0.0
    more = True
    clock = asyncio.get_running_loop().time
    while more:
        asked_at = clock()
        try:
            async with asyncio.timeout(SILENCE_SECONDS + min(0, size / SLOWEST_BYTES_A_SECOND - waited)):
                message = await request.receive()
        except TimeoutError as error:
            raise RequestTimeout(_too_slow()) from error
        waited += clock() - asked_at
        if message["type"] == "http.disconnect":
            raise BadRequest("The connection ended before the body did; send it again.", code="INVALID_FILE")
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > max_bytes:
            raise request_checks.too_large(max_bytes)
        await reader.write(chunk)
        more = message.get("more_body", False)
    reader.finish()


def _too_slow() -> str:
    pace = f"{SLOWEST_BYTES_A_SECOND / 1024:g} KiB a second"
    return f"Too little of the body came for {SILENCE_SECONDS} s; send it again over a line that carries {pace}, or in smaller parts."


class _Reader:
    """Feeds the parser; its callbacks sort the parts into blobs and fields."""

    def __init__(self, boundary: bytes, store: BlobStore) -> None:
        self.upload = Upload()
        self._store = store
        self._header = b""
        self._header_value = b""
        self._disposition = b""
        self._name = b""
        self._blob: Blob | None = None
        self._field = bytearray()
        self._fields = 0
        self._begun = False
        self._complete = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._part_begins,
                "on_header_field": self._header_name_comes,
                "on_header_value": self._header_value_comes,
                "on_header_end": self._header_ends,
                "on_headers_finished": self._content_begins,
                "on_part_data": self._content_comes,
                "on_part_end": self._part_ends,
                "on_end": self._body_ends,
            },
        )

    async def write(self, chunk: bytes) -> None:
        """The next bytes of the body."""
        # python-multipart takes line ends before the first boundary, and whatever else is between them in the same chunk:
        # how the network cut the body would decide what is in it.
        if not self._begun:
            chunk = chunk.lstrip(b"\r\n")
            self._begun = bool(chunk)
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise BadRequest("The body is not the multipart/form-data that its Content-Type promises.", code="INVALID_FILE") from error
        for file in self.upload.files:
            await file.blob.flush()

    def finish(self) -> None:
        """BadRequest if the body ended early or had no file."""
        if not self._complete:
            raise BadRequest("The multipart body is cut off; send it again.", code="INVALID_FILE")
        if not self.upload.files:
            raise BadRequest(f"There is no field named file; {EXPECTED}.", code="INVALID_FILE", details={"file": "is required"})

    def _part_begins(self) -> None:
        self._disposition = b""
        self._blob = None
        self._field = bytearray()

    def _header_name_comes(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_value_comes(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _header_ends(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._header_value
        self._header = self._header_value = b""

    def _content_begins(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._name = options.get(b"name", b"")
        if self._name == b"file":
            if len(self.upload.files) >= MAX_FILES:
                raise invalid("file", f"up to {MAX_FILES} files at once; send them in parts")
            self._blob = new_blob(self._store)
            self.upload.files.append(StoredFile(_shown_name(options.get(b"filename", b"")), self._blob))
            return
        self._fields += 1
        if self._fields > MAX_FIELDS:
            raise invalid("file", f"comes with more than {MAX_FIELDS} other fields; send user and file alone")

    def _content_comes(self, data: bytes, start: int, end: int) -> None:
        if self._blob is not None:
            self._blob.add(data[start:end])
        elif len(self._field) <= MAX_FIELD_BYTES:
            self._field += data[start:end]

    def _part_ends(self) -> None:
        if self._blob is not None:
            self._blob.is_whole = True
        if self._name == b"user" and self._blob is None:
            user = self._field.decode("utf-8", "replace").replace("\0", "\ufffd")
            if not 1 <= len(user) <= MAX_USER_CHARACTERS:
                raise invalid("user", f"must be 1 to {MAX_USER_CHARACTERS} characters")
            check_identifier(user, "user")
            self.upload.user = user

    def _body_ends(self) -> None:
        self._complete = True


def _shown_name(filename: bytes) -> str:
    """The client's name for a file, as text to show: the last component, printable, at most 255 characters."""
    name = filename.decode("utf-8", "replace").replace("\\", "/").rpartition("/")[2]
    return "".join(character for character in name if character.isprintable())[:255] or "upload"
