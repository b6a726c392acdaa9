"""Claude's messages. One message is several rows, a block each, perhaps with tool results between them. A bounded number is held open at a time."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Final, cast, get_args

from msgspec import Struct

from services.worker.importers.formats import ids
from services.worker.importers.formats.sanitize import MAX_CONTENT_CHARACTERS, count_or_none, name_or_none
from services.worker.importers.formats.transcript.transcript_rows import ApiMessage, Iteration, Row, Usage
from services.worker.persist.records import ApiCall, Effort, Message

_EFFORTS: Final = frozenset(get_args(Effort))
# An answer has few; a file may say that it has many.
_MAX_BLOCKS: Final = 1000

_ADVISOR: Final = "advisor_message"
# More are no answer's.
_MOST_ITERATIONS: Final = 100
# Where the API says nothing, or that it was anywhere: the listed price.
_ANYWHERE: Final = frozenset({"not_available", "global"})


class Tokens(Struct):
    """The tokens of the best row so far: the one with the most output, which is the last of the stream."""

    output: int
    usage: Usage


class Thought(Struct):
    """How Claude was asked to think in one answer, and how long it did. Rows say it since Claude Code 2.1.332."""

    effort: Effort | None = None
    # By the thinking block's place in the answer, so that a row that comes twice counts once.
    blocks_ms: dict[int | None, int] = {}

    def add(self, row: Row) -> None:
        """A row of the answer."""
        if row.effort:
            self.effort = effort_of(row.effort)
        milliseconds = count_or_none(row.thinking_duration_ms)
        if milliseconds is not None and len(self.blocks_ms) < _MAX_BLOCKS:
            self.blocks_ms[row.api_block_index] = milliseconds

    @property
    def milliseconds(self) -> int | None:
        """None: no row says it."""
        return sum(self.blocks_ms.values()) if self.blocks_ms else None


def effort_of(word: str) -> Effort:
    """The word, if it is known."""
    return cast(Effort, word) if word in _EFFORTS else "other"


def best(old: Tokens | None, usage: Usage) -> Tokens:
    """The tokens with more output; the old ones if equal."""
    output = count_or_none(usage.output_tokens) or 0
    return Tokens(output, usage) if old is None or output > old.output else old


def api_calls(
    tokens: Tokens,
    thought: Thought,
    *,
    message_id: str,
    request_id: str | None,
    session_id: str,
    timestamp: datetime,
    model: str | None,
    agent_id: str | None,
    source: str,
    copied_at: datetime | None,
) -> Iterator[ApiCall]:
    """The record, and one for each advisor that was asked. Cache writes are split by how long they are kept, since the prices differ."""
    usage = tokens.usage
    place: dict[str, Any] = {"session_id": session_id, "timestamp": timestamp, "agent_id": agent_id, "source": source}
    place["copied_at"] = copied_at
    geo = None if usage.inference_geo in _ANYWHERE else name_or_none(usage.inference_geo)
    yield ApiCall(
        id=ids.api_call_id(message_id, request_id),
        model=model,
        output_tokens=tokens.output,
        web_searches=(count_or_none(usage.server_tool_use.web_search_requests) or 0) if usage.server_tool_use else 0,
        effort=thought.effort,
        thinking_ms=thought.milliseconds,
        is_fast=usage.speed == "fast",
        inference_geo=geo,
        **_input(usage),
        **place,
    )
    for number, step in enumerate((usage.iterations or [])[:_MOST_ITERATIONS]):
        if step.type == _ADVISOR:
            yield ApiCall(
                id=ids.advisor_call_id(message_id, request_id, number),
                model=name_or_none(step.model),
                output_tokens=count_or_none(step.output_tokens) or 0,
                is_advisor=True,
                inference_geo=geo,
                **_input(step),
                **place,
            )


def _input(usage: Usage | Iteration) -> dict[str, Any]:
    for_5m, for_1h = _cache_writes(usage)
    return {
        "input_tokens": count_or_none(usage.input_tokens) or 0,
        "cache_write_5m_tokens": for_5m,
        "cache_write_1h_tokens": for_1h,
        "cache_read_tokens": count_or_none(usage.cache_read_input_tokens) or 0,
    }


def _cache_writes(usage: Usage | Iteration) -> tuple[int, int]:
    """Tokens written for 5 minutes and for 1 hour. Some rows have no split, and some a split with a sum of 0, so the greater of both counts."""
    total = count_or_none(usage.cache_creation_input_tokens) or 0
    split = usage.cache_creation
    if split is None:
        return total, 0
    for_5m, for_1h = count_or_none(split.ephemeral_5m_input_tokens) or 0, count_or_none(split.ephemeral_1h_input_tokens) or 0
    return for_5m + max(0, total - for_5m - for_1h), for_1h


# Between the rows of one message are at most the results of its parallel tool calls.
MAX_OPEN = 64
MAX_OPEN_CHARACTERS = 8 * MAX_CONTENT_CHARACTERS
# The model of rows that Claude Code wrote itself, since there was no answer: no reply, no tokens.
SYNTHETIC = "<synthetic>"


class Place(Struct):
    """The place and time of a row."""

    session_id: str
    agent_id: str | None
    timestamp: datetime | None
    # The row's timestamp, else the time of the row before it in the session.
    time: datetime | None
    # When its file was begun, if the row is a copy of another session's (transcript_reader.py).
    copied_at: datetime | None = None


class _Open(Struct):
    place: Place
    model: str | None
    texts: list[str]
    calls: dict[str | None, Tokens]
    thought: Thought
    characters: int = 0
    # Given as it is now, by so_far().
    is_given: bool = False


class ClaudeMessages:
    """Takes rows, gives a Message and its ApiCalls when a message is complete, or has to make room.

    With so_far() it gives them earlier, and again when they have changed.
    """

    def __init__(self, user: str | None, source: str, closed: Callable[[Message | ApiCall], None]) -> None:
        """`closed` is called with each record of a complete message, even if so_far() gave it already."""
        self._user = user
        self._source = source
        self._closed = closed
        self._open: OrderedDict[str, _Open] = OrderedDict()
        self._characters = 0
        # API calls that were left out, since they would count on no day.
        self.calls_without_time = 0

    def take(self, key: str, message: ApiMessage, row: Row, place: Place) -> Iterator[Message | ApiCall]:
        """A row of the message `key` (`message.id`, else the row's uuid)."""
        opened = self._open.get(key)
        if opened is None:
            opened = self._open[key] = _Open(place, name_or_none(message.model), [], {}, Thought())
        else:
            self._open.move_to_end(key)
            opened.is_given = False
        for text in _texts(message):
            fitting = text[: MAX_CONTENT_CHARACTERS - opened.characters]
            if fitting:
                opened.texts.append(fitting)
                # One more for the line feed that joins it to the next.
                opened.characters += len(fitting) + 1
                self._characters += len(fitting) + 1
        if row.effort or row.thinking_duration_ms is not None:
            opened.thought.add(row)
        if message.usage is not None:
            opened.calls[row.request_id] = best(opened.calls.get(row.request_id), message.usage)
        while len(self._open) > MAX_OPEN or (self._characters > MAX_OPEN_CHARACTERS and len(self._open) > 1):
            yield from self._close(*self._open.popitem(last=False))

    def so_far(self) -> Iterator[Message | ApiCall]:
        """The messages that are open, as far as they have come, without closing them. A message that did not change is given once."""
        for key, opened in self._open.items():
            if not opened.is_given:
                opened.is_given = True
                yield from self._records(key, opened)

    def all_open(self) -> Iterator[Message | ApiCall]:
        """The records of all open messages as they are now, given or not."""
        for key, opened in self._open.items():
            yield from self._records(key, opened)

    def rest(self) -> Iterator[Message | ApiCall]:
        """The messages that are still open at the end of the file."""
        while self._open:
            yield from self._close(*self._open.popitem(last=False))

    @property
    def held_characters(self) -> int:
        """The characters of the open messages' texts."""
        return self._characters

    def _close(self, key: str, opened: _Open) -> Iterator[Message | ApiCall]:
        self._characters -= opened.characters
        if opened.place.time is None:
            self.calls_without_time += len(opened.calls)
        for record in self._records(key, opened):
            self._closed(record)
            if not opened.is_given:
                yield record

    def _records(self, key: str, opened: _Open) -> Iterator[Message | ApiCall]:
        place = opened.place
        yield Message(
            id=ids.claude_message_id(key),
            role="assistant",
            content="\n".join(opened.texts)[:MAX_CONTENT_CHARACTERS],
            source=self._source,
            session_id=place.session_id,
            user=self._user,
            agent_id=place.agent_id,
            timestamp=place.timestamp,
            model=opened.model,
            copied_at=place.copied_at,
        )
        if place.time is None:
            return
        for request_id, tokens in opened.calls.items():
            yield from api_calls(
                tokens,
                opened.thought,
                message_id=key,
                request_id=request_id,
                session_id=place.session_id,
                timestamp=place.time,
                model=opened.model,
                agent_id=place.agent_id,
                source=self._source,
                copied_at=place.copied_at,
            )


def _texts(message: ApiMessage) -> Iterator[str]:
    if isinstance(message.content, str):
        yield message.content
    else:
        for block in message.content or ():
            if block.type == "text" and block.text:
                yield block.text
