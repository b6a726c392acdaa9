"""A fuzz target is a parser with its contract, and examples to begin with."""

from collections.abc import Callable, Iterable
from typing import NamedTuple


class Target(NamedTuple):
    """`check` raises where the contract is broken. `words` are worth trying inside the input."""

    check: Callable[[bytes], None]
    seeds: Callable[[], Iterable[bytes]]
    words: tuple[bytes, ...] = ()
    max_bytes: int = 4096
