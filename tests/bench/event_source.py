"""Events as clients send them: those of consecutive sessions of a plan, mixed by time, as many as are asked for."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from uuid import UUID

import msgspec

from shared.events.messages import Conversation, SessionStart, ToolCall, ToolStatus, Usage
from tests.bench.plan import LARGE, Session, make_plan, pauses_of
from tests.bench.rows import SOURCE, VERSION, tool_pool
from tests.bench.shapes import ASSISTANT_MESSAGE_CHARS, CHARS_PER_WORD, drawn
from tests.bench.vocabulary import Writer

Event = ToolCall | Conversation


@dataclass(frozen=True, slots=True)
class Events:
    """Events by time, and the starts of the sessions they are in."""

    starts: list[SessionStart]
    events: list[Event]


class EventSource:
    """Makes events; what they are made of is drawn once."""

    def __init__(self, seed: int) -> None:
        self._random = Random(f"events {seed}")
        self._plan = make_plan(seed, LARGE)
        self._pauses = pauses_of(seed)
        self._writer = Writer(Random(f"words {seed}"))
        pool, self._weights = tool_pool(self._random, self._writer)
        self._calls = [(*_call(text), msgspec.json.decode(parameters.replace("\\\\", "\\"))) for text, parameters in pool]
        self._words = [max(1, round(chars / CHARS_PER_WORD)) for chars in drawn(ASSISTANT_MESSAGE_CHARS, self._random, 20_000)]

    def tool_calls(self, count: int) -> Events:
        """So many tool calls."""
        return self._events(count, lambda session: session.tool_calls, self._tool_call)

    def messages(self, count: int) -> Events:
        """So many messages of Claude's."""
        return self._events(count, lambda session: session.messages, self._message)

    def _events(self, count: int, of: Callable[[Session], int], make: Callable[[Session, datetime], Event]) -> Events:
        timed: list[tuple[int, Session]] = []
        starts: list[SessionStart] = []
        for session in self._plan.sessions:
            times = session.times(self._pauses)
            timed += [(at, session) for at in times[1 : 1 + of(session)]]
            starts.append(self._start(session, times[0]))
            if len(timed) >= count:
                break
        timed = sorted(timed, key=lambda pair: pair[0])[:count]
        return Events(starts, [make(session, _at(microseconds)) for microseconds, session in timed])

    def _start(self, session: Session, microseconds: int) -> SessionStart:
        return SessionStart(
            project_path=self._plan.project_paths[session.project_id - 1],
            start_time=_at(microseconds),
            user=self._plan.user_names[session.user_id - 1],
            session_id=session.session_id,
            git_branch=session.git_branch,
            model=session.model,
            client_version=VERSION,
            source=SOURCE,
            id=self._uuid(),
        )

    def _tool_call(self, session: Session, at: datetime) -> ToolCall:
        ((name, status, milliseconds, parameters),) = self._random.choices(self._calls, cum_weights=self._weights)
        return ToolCall(
            tool_name=name,
            result_status=status,
            parameters=parameters,
            execution_time_ms=milliseconds,
            timestamp=at,
            session_id=session.session_id,
            source=SOURCE,
            id=self._uuid(),
        )

    def _message(self, session: Session, at: datetime) -> Conversation:
        return Conversation(
            session_id=session.session_id,
            content=self._writer.text(self._random.choice(self._words)),
            role="assistant",
            timestamp=at,
            model=session.model,
            usage=Usage(3, 250, 1500, 60_000),
            source=SOURCE,
            id=self._uuid(),
        )

    def _uuid(self) -> UUID:
        return UUID(int=self._random.getrandbits(128), version=4)


def _call(text: str) -> tuple[str, ToolStatus, int | None]:
    name, status, milliseconds = text.rstrip("\t").split("\t")
    return name, msgspec.convert(status, ToolStatus), None if milliseconds == r"\N" else int(milliseconds)


def _at(microseconds: int) -> datetime:
    return datetime.fromtimestamp(microseconds / 1e6, UTC)
