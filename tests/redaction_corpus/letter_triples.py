"""Makes shared/redaction/letter_triples.txt of names, words and paths in code: `python -m tests.redaction_corpus.letter_triples FOLDER...`.

Each name counts once, however often it is used. A line has what each symbol costs behind two others, in half bits.
"""

import math
import re
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import product
from pathlib import Path

from shared.redaction.false_positives import is_code
from shared.redaction.random_tokens import COSTS, SYMBOLS, numbered

TABLE = Path(__file__).parents[2] / "shared" / "redaction" / "letter_triples.txt"
_SUFFIXES = {".py", ".js", ".ts", ".tsx", ".md", ".jsonl", ".css", ".sql", ".toml"}
_RUN = re.compile(rb"[A-Za-z0-9_.~+/=-]{3,80}")
# Made at random, and of the form of a name.
_IDS = re.compile(rb"(?:msg|req|toolu|chatcmpl|run|srvtoolu)_")
# A path, a class of CSS, an option.
_BEFORE_NAMES = b"./~-"
_IS_DIGIT = SYMBOLS.index(b"0")
# How many digits 0 stands for.
_DIGITS_BITS = math.log2(10)
# How much what is known of fewer characters counts beside what is known of more.
_WEIGHT = 4


def main() -> None:
    """Writes the table."""
    names = {name for folder in sys.argv[1:] for path in _files(Path(folder)) for name in _RUN.findall(path.read_bytes()) if _is_name(name)}
    counts: Counter[tuple[int, ...]] = Counter()
    for name in names:
        written = numbered(name)
        for length in (1, 2, 3):
            counts.update(zip(*(written[start:] for start in range(length)), strict=False))
    symbols = range(len(SYMBOLS))
    TABLE.write_text(
        "".join("".join(_cost(counts, (*before, symbol)) for symbol in symbols) + "\n" for before in product(symbols, repeat=2))
    )
    print(f"{len(names)} names")


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.suffix in _SUFFIXES and path.is_file())


def _is_name(run: bytes) -> bool:
    return is_code(run.lstrip(_BEFORE_NAMES)) and not _IDS.match(run)


def _cost(counts: Counter[tuple[int, ...]], symbols: tuple[int, ...]) -> str:
    bits = -math.log2(_share(counts, symbols)) + (_DIGITS_BITS if symbols[-1] == _IS_DIGIT else 0)
    return COSTS[min(round(2 * bits), len(COSTS) - 1)]


def _share(counts: Counter[tuple[int, ...]], symbols: tuple[int, ...]) -> float:
    if not symbols:
        return 1 / len(SYMBOLS)
    total = sum(counts[*symbols[:-1], symbol] for symbol in range(len(SYMBOLS)))
    return (counts[symbols] + _WEIGHT * _share(counts, symbols[1:])) / (total + _WEIGHT)


if __name__ == "__main__":
    main()
