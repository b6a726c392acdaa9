"""The shape of real use, as numbers: quantiles of lengths, pauses and times, measured on Claude Code transcripts of ten public repositories.

2,974 messages and 5,295 tool calls. Only these numbers were taken from them; all text is this benchmark's own.
"""

from bisect import bisect_right
from collections.abc import Sequence
from random import Random

# (share of values that are at most as great, value)
Quantiles = Sequence[tuple[float, float]]

USER_MESSAGE_CHARS: Quantiles = (
    (0.0, 3), (0.05, 20), (0.1, 29), (0.2, 43), (0.3, 76), (0.4, 125), (0.5, 176), (0.6, 328), (0.7, 954), (0.8, 1100), (0.9, 3532),
    (0.95, 5925), (0.98, 14_599), (0.99, 22_326), (0.995, 49_926), (1.0, 64_773),
)  # fmt: skip
ASSISTANT_MESSAGE_CHARS: Quantiles = (
    (0.0, 5), (0.05, 32), (0.1, 42), (0.2, 56), (0.3, 68), (0.4, 82), (0.5, 96), (0.6, 118), (0.7, 149), (0.8, 216), (0.9, 723),
    (0.95, 1497), (0.98, 3143), (0.99, 4109), (0.995, 7439), (1.0, 15_848),
)  # fmt: skip
USER_MESSAGE_SHARE = 0.15
CHARS_PER_WORD = 6.9

# Seconds between neighbouring events of a session. A pause of days is a session that was resumed; none is longer than two hours here.
PAUSE_SECONDS: Quantiles = (
    (0.0, 0.0), (0.1, 0.4), (0.2, 0.7), (0.3, 1.2), (0.4, 2.4), (0.5, 3.5), (0.6, 4.8), (0.7, 6.8), (0.8, 10.4), (0.9, 22.7), (0.95, 52.9),
    (0.98, 187.6), (0.99, 612.5), (0.998, 1264.0), (1.0, 7200.0),
)  # fmt: skip

# How much of all words the word of a rank is: straight lines between these in a log-log plot (Zipf with the bends of real text).
RANK_SHARES = ((1, 0.0389), (10, 0.00734), (100, 0.00148), (1000, 0.00016), (5000, 0.0000123))

# Tool: (weight, share of errors, quantiles of milliseconds, quantiles of the bytes of its parameters).
TOOLS: dict[str, tuple[int, float, Quantiles, Quantiles]] = {
    "Bash": (2092, 0.075, ((0, 5), (0.1, 87), (0.3, 420), (0.5, 1455), (0.7, 4158), (0.9, 17_897), (0.95, 31_494), (0.99, 181_931), (1, 600_000)),
             ((0, 30), (0.3, 118), (0.5, 164), (0.7, 213), (0.9, 381), (0.98, 1184), (1, 2042))),
    "Read": (1080, 0.046, ((0, 0), (0.1, 3), (0.3, 9), (0.5, 31), (0.7, 59), (0.9, 252), (0.95, 460), (0.99, 1454), (1, 12_780)),
             ((0, 60), (0.3, 92), (0.5, 109), (0.7, 122), (0.9, 142), (1, 180))),
    "Edit": (837, 0.056, ((0, 0), (0.1, 14), (0.3, 46), (0.5, 68), (0.7, 184), (0.9, 6897), (0.95, 38_618), (0.99, 460_809), (1, 900_000)),
             ((0, 150), (0.3, 572), (0.5, 987), (0.7, 1539), (0.9, 3195), (0.98, 8354), (1, 11_833))),
    "Grep": (435, 0.005, ((0, 13), (0.1, 132), (0.3, 365), (0.5, 416), (0.7, 576), (0.9, 1214), (0.99, 5168), (1, 17_589)),
             ((0, 80), (0.3, 121), (0.5, 147), (0.7, 172), (1, 280))),
    "Glob": (140, 0.014, ((0, 16), (0.1, 168), (0.5, 416), (0.9, 1860), (1, 3061)), ((0, 30), (0.5, 41), (1, 144))),
    "Write": (139, 0.05, ((0, 7), (0.1, 31), (0.5, 182), (0.9, 28_067), (0.99, 192_039), (1, 244_848)),
              ((0, 200), (0.3, 1108), (0.5, 2446), (0.7, 4706), (0.9, 18_115), (1, 26_859))),
    "TodoWrite": (87, 0.0, ((0, 9), (0.5, 33), (0.9, 133), (1, 2000)), ((0, 300), (0.5, 658), (1, 934))),
    "TaskUpdate": (63, 0.0, ((0, 1), (0.5, 3), (0.9, 49), (1, 132)), ((0, 36), (0.5, 40), (1, 185))),
    "Agent": (43, 0.02, ((0, 2416), (0.5, 4713), (0.8, 491_530), (1, 928_274)), ((0, 2000), (0.5, 4294), (1, 13_731))),
    "Task": (38, 0.05, ((0, 41), (0.5, 63_047), (0.9, 213_042), (1, 870_842)), ((0, 400), (0.5, 630), (1, 2730))),
    "Skill": (35, 0.08, ((0, 9), (0.5, 28), (0.9, 211), (1, 31_468)), ((0, 20), (0.5, 32), (1, 178))),
    "WebSearch": (31, 0.0, ((0, 3458), (0.5, 18_449), (1, 223_439)), ((0, 60), (0.5, 76), (1, 115))),
    "WebFetch": (27, 0.0, ((0, 370), (0.5, 5252), (1, 28_674)), ((0, 150), (0.5, 213), (1, 416))),
    "mcp__browser__javascript": (12, 0.08, ((0, 1802), (0.5, 2075), (1, 5860)), ((0, 200), (0.5, 423), (1, 686))),
}  # fmt: skip


def at_share(quantiles: Quantiles, share: float) -> float:
    """The value up to which this share of all values lies, on straight lines between the quantiles."""
    right = min(bisect_right(quantiles, share, key=lambda quantile: quantile[0]), len(quantiles) - 1)
    (low_share, low), (high_share, high) = quantiles[right - 1], quantiles[right]
    return low + (high - low) * (share - low_share) / (high_share - low_share)


def drawn(quantiles: Quantiles, random: Random, count: int) -> list[float]:
    """`count` values of that distribution, to be drawn from again: looking up beats computing."""
    return [at_share(quantiles, random.random()) for _ in range(count)]
