"""Streams an import's files from a multipart body to the blob store, without holding one in memory."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import IO, Final

import structlog
from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from services.ingest.events.decode import check_identifier
from services.ingest.http import request_checks
from shared.blobs.store import BlobStore, BlobStoreError, NewBlob
from shared.claude_formats.upload_kinds import CLAUDE_JSON_KEYS, CREDENTIALS_KEY, HEAD_BYTES, Kind, kind_of_head, top_level_keys
from shared.http.errors import BadRequest, RequestTimeout, Unavailable, UnsupportedMediaType, invalid

log = structlog.get_logger()

AWAY: Final = "Uploads cannot be stored now and nothing was stored; send the file again in a while."
RETRY_AFTER_SECONDS: Final = 10
# The event loop itself keeps only weak references to tasks.
_removing: set[asyncio.Task[None]] = set()


@dataclass(slots=True)
class Blob:
    """One upload. The server chooses its name; the client's name for it is only text."""

    store: BlobStore
    new: NewBlob
    size: int = 0
    # All of it has arrived.
    is_whole: bool = False
    is_closed: bool = False
    digest: "blake2b" = field(default_factory=lambda: blake2b(digest_size=16))
    _buffer: bytearray = field(default_factory=bytearray)
    # A thread may still write after its request was cancelled.
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        """The address under which the worker finds it."""
        return self.new.url

    def add(self, data: bytes) -> None:
        """Adds bytes to a buffer; `flush` or `close` stores them."""
        self.size += len(data)
        self._buffer += data

    async def flush(self) -> None:
        """Stores the buffer if it is enough for a part. Closes a blob that is whole, so that of many small files only one is in memory."""
        if self.is_whole:
            await self.close()
        elif len(self._buffer) >= self.new.part_bytes:
            await asyncio.to_thread(self._write)

    async def close(self) -> None:
        """Makes it durable. Unavailable UPLOADS_UNAVAILABLE if the store is away."""
        if not self.is_closed:
            await asyncio.to_thread(self._finish)
            self.is_closed = True

    def open(self) -> IO[bytes]:
        """Its content; only after `close`."""
        return self.store.open(self.url)

    def _write(self) -> None:
        data, self._buffer = self._buffer, bytearray()
        self.digest.update(data)
        with self._lock, answering_503():
            self.new.write(data)

    def _finish(self) -> None:
        data, self._buffer = self._buffer, bytearray()
        self.digest.update(data)
        with self._lock, answering_503():
            self.new.finish(data)

    async def remove(self) -> None:
        """Removes it, also if the caller is cancelled. If the store is away, the worker's sweep removes it later."""
        task = asyncio.create_task(asyncio.to_thread(self._discard))
        _removing.add(task)
        task.add_done_callback(_removing.discard)
        await asyncio.shield(task)

    def _discard(self) -> None:
        try:
            with self._lock:
                self.new.discard()
        except BlobStoreError as error:
            log.warning("upload_not_removed", blob_url=self.url, reason=str(error))


def new_blob(store: BlobStore) -> Blob:
    """Makes an empty blob. Unavailable UPLOADS_UNAVAILABLE if the store accepts none."""
    with answering_503():
        return Blob(store, store.new())


@contextmanager
def answering_503() -> Iterator[None]:
    """Turns a BlobStoreError into the 503; the log has the reason."""
    try:
        yield
    except BlobStoreError as error:
        log.error("uploads_unavailable", reason=str(error))
        raise Unavailable(AWAY, code="UPLOADS_UNAVAILABLE", retry_after_seconds=RETRY_AFTER_SECONDS) from error


_BOM: Final = b"\xef\xbb\xbf"
_SEARCH_BYTES: Final = 1024**2

EXPECTED: Final = (
    "this release takes Claude Code's claude.json (usually ~/.claude.json), transcripts (~/.claude/projects/…/*.jsonl), history.jsonl, "
    "sessions-index.json, a .zip, .tar, .tar.gz or .tar.zst of ~/.claude, or another tracker's export of everything"
)


def kind_of(file: IO[bytes], name: str) -> Kind:
    """The kind of a stored upload. BadRequest INVALID_FILE or UNKNOWN_PROJECT_FILE says which files are accepted."""
    seen = kind_of_head(file.read(HEAD_BYTES))
    kind, problem = seen.kind, seen.problem
    if kind in ("claude_json", "unknown"):
        # In a JSON file the deciding keys may come after megabytes of other content, so all of it is searched.
        if _mentions_credentials(file) and CREDENTIALS_KEY in _keys(file, until=frozenset({CREDENTIALS_KEY})):
            kind = "credentials"
        elif kind == "unknown" and CLAUDE_JSON_KEYS & _keys(file, until=CLAUDE_JSON_KEYS):
            kind = "claude_json"
    if kind == "credentials":
        raise _refused(name, f"is Claude Code's credentials file ({CREDENTIALS_KEY}), which must not be uploaded", "INVALID_FILE")
    if kind == "unknown":
        raise _refused(name, problem, "UNKNOWN_PROJECT_FILE")
    return kind


def _mentions_credentials(file: IO[bytes]) -> bool:
    sought = f'"{CREDENTIALS_KEY}"'.encode()
    file.seek(0)
    end = b""
    while part := file.read(_SEARCH_BYTES):
        if sought in end + part:
            return True
        # The text may lie across two parts.
        end = (end + part)[1 - len(sought) :]
    return False


def _keys(file: IO[bytes], *, until: frozenset[str]) -> set[str]:
    file.seek(0)
    file.seek(len(_BOM) if file.read(len(_BOM)) == _BOM else 0)
    return top_level_keys(file, until=until)


def _refused(name: str, problem: str, code: str) -> BadRequest:
    return BadRequest(f"The file {name} {problem}; {EXPECTED}.", code=code, details={"file": problem})


MAX_FILES = 100
MAX_FIELDS = 10
MAX_FIELD_BYTES = 4096
MAX_USER_CHARACTERS = 200
# A body may be gigabytes, but some bytes must arrive in this time.
SILENCE_SECONDS = 30
# The least average rate, measured while we wait for the client, so that slow clients do not occupy all places for uploads.
SLOWEST_BYTES_A_SECOND = 16 * 1024


@dataclass(slots=True)
class StoredFile:
    """A `file` part: the client's name for it, its content, and its kind, once that is known."""

    name: str
    blob: Blob
    kind: str = ""


@dataclass(slots=True)
class Upload:
    """The files and fields of a multipart body."""

    files: list[StoredFile] = field(default_factory=list)
    user: str | None = None
    # Postgres did not confirm the job. start_import.py finds out, and removes the files if the job does not exist.
    may_have_job: bool = False

    async def remove(self) -> None:
        """Removes its blobs from the store."""
        for file in self.files:
            await file.blob.remove()


@asynccontextmanager
async def stored_upload(request: Request, store: BlobStore, max_bytes: int) -> AsyncIterator[Upload]:
    """Reads, checks and stores an upload. If the block fails, its blobs are removed, unless the upload may have a job.

    UnsupportedMediaType, PayloadTooLarge, RequestTimeout, Unavailable; BadRequest if the body is not multipart, has no file, or one of an unknown kind.
    """
    reader = _Reader(_boundary(request), store)
    try:
        await _read(request, reader, max_bytes)
        for file in reader.upload.files:
            await file.blob.close()
            file.kind = await asyncio.to_thread(_kind, file)
        yield reader.upload
    except BaseException:
        if not reader.upload.may_have_job:
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
    return f"The body arrived too slowly for {SILENCE_SECONDS} s; send it again over a connection that carries {pace}, or in smaller parts."


class _Reader:
    """Feeds the multipart parser, whose callbacks make blobs and fields of the parts."""

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
        """Takes the next bytes of the body."""
        # python-multipart accepts line ends before the first boundary, and anything between them in the same chunk. The result would depend on
        # how the network split the body.
        if not self._begun:
            chunk = chunk.lstrip(b"\r\n")
            self._begun = bool(chunk)
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise BadRequest(
                "The body is not multipart/form-data as its Content-Type says; send it as a form with a field named file.",
                code="INVALID_FILE",
            ) from error
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
    """The client's name for a file, as it is shown: a path from its home folder, `~/…`, else the last component; printable, at most 255 characters."""
    name = filename.decode("utf-8", "replace").replace("\\", "/")
    if not name.startswith("~/"):
        name = name.rpartition("/")[2]
    return "".join(character for character in name if character.isprintable())[:255] or "upload"
