"""Tool calls to draw from: what is costly about one, its parameters and its times, is made once for a few thousand."""

from itertools import accumulate
from random import Random

import msgspec

from tests.bench.shapes import CHARS_PER_WORD, TOOLS, drawn
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
