"""The rows of a plan as COPY text: a line a row, made session by session, the columns as COLUMNS has them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache, lru_cache
from hashlib import md5
from itertools import accumulate
from random import Random

import msgspec

from tests.bench.plan import Plan, Session, pauses_of
from tests.bench.shapes import (
    ASSISTANT_MESSAGE_CHARS,
    CHARS_PER_WORD,
    TOOLS,
    USER_MESSAGE_CHARS,
    USER_MESSAGE_SHARE,
    drawn,
)
from tests.bench.vocabulary import Writer, identifiers

A_TOOL = 2_000
UNTIMED_SHARE = 0.01
NOT_SUCCESS = ("error",) * 17 + ("rejected", "rejected", "timeout")
# A tool's parameters: its long text goes under this name, the rest is short.
TEXT_FIELD = {
    "Bash": "command", "Read": "file_path", "Edit": "new_string", "Write": "content", "Grep": "pattern", "Glob": "pattern", "TodoWrite": "todos",
    "WebSearch": "query", "WebFetch": "url",
}  # fmt: skip


def tool_pool(random: Random, writer: Writer) -> tuple[list[tuple[str, str]], list[float]]:
    """Calls as COPY text, ("name, status, milliseconds, ", "parameters"), and their cumulated weights."""
    calls: list[tuple[str, str]] = []
    weights: list[float] = []
    for name, (weight, error_share, milliseconds, parameter_bytes) in TOOLS.items():
        for duration, length in zip(drawn(milliseconds, random, A_TOOL), drawn(parameter_bytes, random, A_TOOL), strict=True):
            status = random.choice(NOT_SUCCESS) if random.random() < error_share else "success"
            shown = r"\N" if random.random() < UNTIMED_SHARE else str(round(duration))
            calls.append((f"{name}\t{status}\t{shown}\t", _parameters(name, length, random, writer)))
        weights += [weight / A_TOOL] * A_TOOL
    return calls, list(accumulate(weights))


def _parameters(tool: str, length: float, random: Random, writer: Writer) -> str:
    field = TEXT_FIELD.get(tool, "prompt")
    given = {"description": " ".join(random.choices(identifiers(), k=2)), field: writer.text(max(1, round((length - 60) / CHARS_PER_WORD)))}
    return msgspec.json.encode(given).decode().replace("\\", "\\\\")


COLUMNS = {
    "sessions": "session_id, project_id, user_id, model, git_branch, client_version, source, started_at, ended_at",
    "session_events": "id, session_id, kind, occurred_at, project_id, user_id, model, git_branch, client_version, source, received_at",
    "messages": "id, session_id, project_id, user_id, role, content, occurred_at, model, source, received_at",
    "api_calls": "id, session_id, project_id, user_id, model, occurred_at, input_tokens, output_tokens, cache_write_5m_tokens, cache_read_tokens,"
    " cost_nano_usd, uncached_nano_usd, cache_saved_nano_usd, price_version, source, received_at",
    "tool_calls": "id, session_id, project_id, user_id, tool_name, status, duration_ms, occurred_at, parameters, source, received_at",
    "activities": "id, session_id, project_id, user_id, file_key, action, lines_added, lines_removed, occurred_at, source, received_at",
}
VERSION, SOURCE = "2.1.62", "hooks"
# The share of sessions without an end: they were closed as idle.
UNENDED_SHARE = 0.1
KINDS = ("messages", "tool_calls", "activities")


class Rows:
    """Makes the rows of a plan. The same plan gives the same rows, whichever tables are asked for."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._pauses = pauses_of(plan.seed)
        self._random = Random(f"rows {plan.seed}")
        self._writer = Writer(Random(f"words {plan.seed}"))
        self._calls, self._call_weights = tool_pool(Random(f"tools {plan.seed}"), self._writer)
        self._file_keys = [[file_key(path) for path in paths] for paths in plan.file_paths]
        self._of_table = {
            "sessions": self._session,
            "session_events": self._session_events,
            "messages": self._messages,
            "api_calls": self._api_calls,
            "tool_calls": self._tool_calls,
            "activities": self._activities,
        }

    def blocks(self, table: str) -> Iterator[str]:
        """The lines of a table, those of a session together."""
        self._random.seed(f"{table} {self.plan.seed}")
        make = self._of_table[table]
        for session in self.plan.sessions:
            block = make(session)
            if block:
                yield block

    def _times_of(self, session: Session, kind: str) -> list[str]:
        times = session.times(self._pauses)
        kinds = [name for name in KINDS for _ in range(getattr(session, name))]
        Random(session.number).shuffle(kinds)
        return [_time(at) for at, name in zip(times[1:-1], kinds, strict=True) if name == kind]

    def _session(self, session: Session) -> str:
        start, end = _span(session, self._pauses)
        return (
            f"{session.session_id}\t{session.project_id}\t{session.user_id}\t{session.model}\t{session.git_branch}\t{VERSION}\t{SOURCE}\t"
            f"{start}\t{end or chr(92) + 'N'}\n"
        )

    def _session_events(self, session: Session) -> str:
        start, end = _span(session, self._pauses)
        who = f"{session.project_id}\t{session.user_id}"
        block = f"{self._uuid()}\t{session.session_id}\tstart\t{start}\t{who}\t{session.model}\t{session.git_branch}\t{VERSION}\t{SOURCE}\t{start}\n"
        return block + f"{self._uuid()}\t{session.session_id}\tend\t{end}\t{who}\t\\N\t\\N\t\\N\t{SOURCE}\t{end}\n" if end else block

    def _messages(self, session: Session) -> str:
        random, write = self._random, self._writer.text
        user_lengths, assistant_lengths = _words("user"), _words("assistant")
        head = f"\t{session.session_id}\t{session.project_id}\t{session.user_id}\t"
        lines = []
        for at in self._times_of(session, "messages"):
            if random.random() < USER_MESSAGE_SHARE:
                text = write(random.choice(user_lengths))
                role, model = "user", "\\N"
            else:
                text = write(random.choice(assistant_lengths))
                role, model = "assistant", session.model
            content = text.replace("\n", "\\n")
            lines.append(f"{self._uuid()}{head}{role}\t{content}\t{at}\t{model}\t{SOURCE}\t{at}\n")
        return "".join(lines)

    def _api_calls(self, session: Session) -> str:
        """One for each message that is about Claude's, at the message's time. The price is not the list's, only as large."""
        random = self._random
        head = f"\t{session.session_id}\t{session.project_id}\t{session.user_id}\t{session.model}\t"
        lines = []
        for at in self._times_of(session, "messages"):
            if random.random() >= USER_MESSAGE_SHARE:
                tokens = random.randrange(1, 12), random.randrange(1, 900), random.randrange(4000), random.randrange(150_000)
                cost = 3_000 * tokens[0] + 15_000 * tokens[1] + 3_750 * tokens[2] + 300 * tokens[3]
                uncached = 3_000 * (tokens[0] + tokens[2] + tokens[3])
                saved = uncached - (cost - 15_000 * tokens[1])
                counts = "\t".join(map(str, tokens))
                lines.append(f"{self._uuid()}{head}{at}\t{counts}\t{cost}\t{uncached}\t{saved}\tbench\t{SOURCE}\t{at}\n")
        return "".join(lines)

    def _tool_calls(self, session: Session) -> str:
        times = self._times_of(session, "tool_calls")
        calls = self._random.choices(self._calls, cum_weights=self._call_weights, k=len(times))
        head = f"\t{session.session_id}\t{session.project_id}\t{session.user_id}\t"
        return "".join(
            [f"{self._uuid()}{head}{call}{at}\t{parameters}\t{SOURCE}\t{at}\n" for at, (call, parameters) in zip(times, calls, strict=True)]
        )

    def _activities(self, session: Session) -> str:
        random = self._random
        keys = self._file_keys[session.project_id - 1]
        head = f"\t{session.session_id}\t{session.project_id}\t{session.user_id}\t"
        lines = []
        for at in self._times_of(session, "activities"):
            # A few files are changed again and again.
            key = keys[int(len(keys) * random.random() ** 3)]
            action = "created" if random.random() < 0.15 else "modified"
            added, removed = int(random.expovariate(1 / 25)), int(random.expovariate(1 / 4))
            lines.append(f"{self._uuid()}{head}{key}\t{action}\t{added}\t{removed}\t{at}\t{SOURCE}\t{at}\n")
        return "".join(lines)

    def _uuid(self) -> str:
        return f"{self._random.getrandbits(128):032x}"


def file_key(path: str) -> str:
    """As services/worker/persist/staging/staging_tables.py makes it."""
    return md5(path.encode(), usedforsecurity=False).hexdigest()


def _time(at_us: int) -> str:
    second, rest = divmod(at_us, 1_000_000)
    return f"{_second(second)}.{rest:06d}+00"


@lru_cache(maxsize=4_096)
def _second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _span(session: Session, pauses: list[float]) -> tuple[str, str | None]:
    times = session.times(pauses)
    return _time(times[0]), None if Random(session.session_id).random() < UNENDED_SHARE else _time(times[-1])


@cache
def _words(role: str) -> list[int]:
    chars = drawn(USER_MESSAGE_CHARS if role == "user" else ASSISTANT_MESSAGE_CHARS, Random(role), 50_000)
    return [max(1, round(length / CHARS_PER_WORD)) for length in chars]
