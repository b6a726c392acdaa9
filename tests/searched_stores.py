"""Finds where a running stack keeps given texts: in rows, in every file of Postgres and Redis, in Redis' keys, in folders, in logs, in the live feed.

A text is looked for in every form in which a store keeps it: as it is, in JSON and in JSON within JSON, in small letters, percent-encoded, in base64,
and as Postgres (pglz) and Redis (LZF) compress what does not repeat. So choose random texts of at least eight characters.
"""

import base64
import gzip
import io
import json
import re
import unicodedata
import zipfile
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import blake2b
from itertools import islice
from typing import Any, Final
from urllib.parse import quote

import psycopg
import re2
import zstandard
from psycopg import sql
from redis import Redis

from shared.feed import FEED_KEY, ITEMS_FIELD, decode_items
from tests.flow.conftest import Stack
from tests.integration.query.live.live_stream import items
from tests.servers import Server

# A word of a text is looked for by itself, too, where it is as long: a dictionary and tags keep words.
_WORD_CHARACTERS: Final = 12
_ZSTD: Final = zstandard.MAGIC_NUMBER.to_bytes(4, "little")
_GZIP: Final = b"\x1f\x8b"
_ZIP: Final = b"PK\x03\x04"
_MAX_NESTED: Final = 3
# In the folder of a server's data.
_OF_DATABASE: Final = re.compile(r"(?:^|/)base/(\d+)/")
_COLUMNS: Final = """
    SELECT a.attname, t.typname, t.typcategory FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid
    WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"""

# Where something was found, and what is there.
Content = tuple[str, bytes]


@dataclass(frozen=True)
class Stores:
    """Everything a stack writes to. `stack.log_folder` has its logs, and its uploads and archive if they are folders below it."""

    stack: Stack
    postgres: Server
    redis: Server

    def places_of(self, texts: Collection[str], *, logs: bool = True, feed: bool = True) -> dict[str, list[str]]:
        """{text: where it is}, for every text that is anywhere. Without `logs`, files that end in `.log` are left out; without `feed`, GET /api/live."""
        search = search_for(frozenset(texts))
        found: dict[str, set[str]] = {}
        contents = [self._rows(), self._files(logs=logs), self._redis_keys(), *([self._feed()] if feed else [])]
        for place, content in (each for source in contents for each in source):
            for text in search.found_in(content):
                found.setdefault(text, set()).add(place)
        return {text: sorted(places) for text, places in found.items()}

    def _rows(self) -> Iterator[Content]:
        """Every column of every table as text, bytes unpacked."""
        with psycopg.connect(self.stack.database_url) as connection:
            tables = [name for (name,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()]
            for table in tables:
                columns = connection.execute(_COLUMNS, (f"public.{table}",)).fetchall()
                shown = sql.SQL(", ").join(map(_shown, columns))
                with connection.cursor(name="rows") as rows:
                    rows.execute(sql.SQL("SELECT {} FROM {}").format(shown, sql.Identifier(table)))
                    for row in rows:
                        for (name, _, _), value in zip(columns, row, strict=True):
                            if value is not None:
                                content = value if isinstance(value, bytes) else value.encode()
                                yield from ((f"rows of {table}.{name}", each) for each in unpacked(content))

    def _files(self, *, logs: bool) -> Iterator[Content]:
        """The files of Postgres and Redis as they are on the disk, and those of the stack. Tables of another database are of another stack."""
        with psycopg.connect(self.stack.database_url, autocommit=True) as connection:
            connection.execute("CHECKPOINT")
            [(own,)] = connection.execute("SELECT oid FROM pg_database WHERE datname = current_database()").fetchall()
        of_postgres = (
            (name, each) for name, each in self.postgres.named_files() if (of := _OF_DATABASE.search(name)) is None or of[1] == str(own)
        )
        named = [("Postgres", of_postgres), ("Redis", self.redis.named_files()), ("the stack", self._own_files())]
        for owner, files in named:
            for name, content in files:
                if logs or not name.endswith(".log"):
                    yield from ((f"file {name} of {owner}", each) for each in unpacked(content))

    def _own_files(self) -> Iterator[Content]:
        for path in self.stack.log_folder.rglob("*"):
            if path.is_file():
                yield str(path.relative_to(self.stack.log_folder)), path.read_bytes()

    def _redis_keys(self) -> Iterator[Content]:
        with Redis.from_url(self.stack.environment["TRACKER_REDIS_URL"]) as redis:
            for key in redis.scan_iter(count=1_000):
                name = f"Redis key {key.decode(errors='replace')}"
                yield name, key
                yield from ((name, each) for value in _values(redis, key) for each in unpacked(value))

    def _feed(self) -> Iterator[Content]:
        """All that the live feed still tells a client that asks for everything."""
        with Redis.from_url(self.stack.environment["TRACKER_REDIS_URL"]) as redis:
            entries: Any = redis.xrange(FEED_KEY)
        told = sum(len(decode_items(fields[ITEMS_FIELD])) for _, fields in entries)
        if told:
            with self.stack.http.stream("GET", "/api/live", headers={"Last-Event-ID": "0-1"}) as answer:
                yield "live feed", json.dumps([each.data for each in islice(items(answer), told)], ensure_ascii=False).encode()


def _shown(column: tuple[str, str, str]) -> sql.Composable:
    name, type_name, category = column
    if type_name == "bytea":
        return sql.Identifier(name)
    # The text of an array would have quotes and backslashes of its own.
    form = "array_to_string({}, E'\\n')" if category == "A" else "{}::text"
    return sql.SQL(form).format(sql.Identifier(name))


def _values(redis: Redis, key: bytes) -> Iterator[bytes]:
    """Everything below a key of any type."""
    kind: Any = redis.type(key)
    values: Any
    match kind:
        case b"string":
            values = [redis.get(key)]
        case b"hash":
            values = [each for pair in redis.hgetall(key).items() for each in pair]
        case b"list":
            values = redis.lrange(key, 0, -1)
        case b"set":
            values = redis.smembers(key)
        case b"zset":
            values = redis.zrange(key, 0, -1)
        case b"stream":
            values = [each for _, fields in redis.xrange(key) for pair in fields.items() for each in pair]
        case b"none":
            # It has expired meanwhile.
            values = []
        case _:
            raise NotImplementedError(f"{key!r} is of the type {kind!r}, which is not searched")
    yield from (value for value in values if value is not None)


def unpacked(content: bytes, nested: int = 0) -> Iterator[bytes]:
    """A content as it is, and what is compressed in it: Zstandard, gzip, members of a zip."""
    yield content
    if nested == _MAX_NESTED:
        return
    if content.startswith(_ZSTD):
        yield from unpacked(zstandard.ZstdDecompressor().decompressobj().decompress(content), nested + 1)
    elif content.startswith(_GZIP):
        try:
            yield from unpacked(gzip.decompress(content), nested + 1)
        except (OSError, EOFError, zlib.error):
            # It only begins like one, or is cut off: its bytes were searched.
            return
    elif content.startswith(_ZIP):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for member in archive.infolist():
                yield member.filename.encode()
                yield from unpacked(archive.read(member), nested + 1)


def forms_of(text: str) -> set[bytes]:
    """All forms in which a store may keep a text. Letters of ASCII are compared without regard to case."""
    escaped = [json.dumps(text, ensure_ascii=is_ascii)[1:-1] for is_ascii in (False, True)]
    twice = [json.dumps(each)[1:-1] for each in escaped]
    written = {text, text.lower(), *escaped, *twice, *(each.replace("/", "\\/") for each in escaped), quote(text), quote(text, safe="")}
    written |= {word for word in re.findall(r"\w+", _without_accents(text.lower())) if len(word) >= _WORD_CHARACTERS}
    return {form.encode("utf-8", "surrogatepass") for form in written} | set(_base64_forms(text.encode("utf-8", "surrogatepass")))


def _without_accents(text: str) -> str:
    return "".join(each for each in unicodedata.normalize("NFKD", text) if not unicodedata.combining(each))


def _base64_forms(data: bytes) -> Iterator[bytes]:
    """The letters that do not depend on what is around it, at each of the three places that a byte may have."""
    for before in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            encoded = encode(bytes(before) + data).rstrip(b"=")
            start = -(-before * 8 // 6)
            yield encoded[start : (before + len(data)) * 8 // 6]


class TextSearch:
    """One automaton for all forms of all texts."""

    def __init__(self, texts: Collection[str]) -> None:
        # Most files are the same from one search to the next.
        self._known: dict[bytes, set[str]] = {}
        self._owners: list[str] = []
        self._patterns: list[bytes] = []
        for text in texts:
            # Both compressions keep what does not repeat as it is, with a byte of their own after every few.
            compressed = rb"(?s:" + rb".?".join(re2.escape(bytes([byte])) for byte in text.encode("utf-8", "surrogatepass")) + rb")"
            for pattern in (*(rb"(?i:%b)" % re2.escape(form) for form in forms_of(text)), compressed):
                self._owners.append(text)
                self._patterns.append(pattern)

    @cached_property
    def _set(self) -> Any:
        options = re2.Options()
        options.max_mem = 512 * 1024**2
        options.encoding = re2.Options.Encoding.LATIN1
        found = re2.Set.SearchSet(options)
        for pattern in self._patterns:
            found.Add(pattern)
        found.Compile()
        return found

    def found_in(self, content: bytes) -> set[str]:
        digest = blake2b(content).digest()
        if digest not in self._known:
            self._known[digest] = {self._owners[index] for index in self._set.Match(content) or ()}
        return self._known[digest]


@lru_cache(maxsize=2)
def search_for(texts: frozenset[str]) -> TextSearch:
    """To build one takes seconds."""
    return TextSearch(texts)
