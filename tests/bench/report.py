"""Numbers as a Markdown table."""

import os
import platform
from collections.abc import Sequence


def percentile(values: Sequence[float], share: float) -> float:
    """Nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """All but the first column to the right."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, rule, *rows))


def machine() -> str:
    """The machine that the numbers were taken on, and how busy it was: on a busy machine only the ratios mean something."""
    return f"{os.cpu_count()} cores, Python {platform.python_version()}, load average {os.getloadavg()[1]:.1f} (5 min)"


def milliseconds(value: float) -> str:
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"
