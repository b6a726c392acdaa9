"""A language of our own with the statistics of the real one: some 4,000 words and identifiers by rank, and words that occur once."""

from functools import cache
from itertools import accumulate, pairwise
from math import exp, log
from pathlib import Path
from random import Random

from tests.bench.shapes import RANK_SHARES

WORDS_FILE = Path(__file__).with_name("words.txt")
# Every so many ranks, behind the words that make up three quarters of a text, one is an identifier.
FIRST_IDENTIFIER_RANK, IDENTIFIER_EVERY = 600, 6
# Share of words that hardly occur twice: commit hashes, line numbers, ids.
ONCE_SHARE = 0.015
ENDINGS = (" ",) * 17 + (", ", ". ", ".\n", ": ", "`\n", "\n- ", " (", ") ")


@cache
def sections() -> dict[str, list[str]]:
    """The committed words by kind, without repetitions."""
    words: dict[str, dict[str, None]] = {}
    kind = ""
    for line in WORDS_FILE.read_text().splitlines():
        if line.startswith("["):
            kind = line.strip("[]")
            words[kind] = {}
        elif not line.startswith("#"):
            words[kind] |= dict.fromkeys(line.split())
    return {kind: list(found) for kind, found in words.items()}


@cache
def ranked_words() -> list[str]:
    """All words and identifiers, the most frequent first; always the same."""
    random = Random("vocabulary")
    common, verbs, nouns, adjectives = (sections()[kind] for kind in ("common", "verbs", "nouns", "adjectives"))
    stems = [*verbs, *nouns, *adjectives]
    random.shuffle(stems)
    forms = [verb.removesuffix("e") + ending for verb in verbs for ending in ("ing", "ed", "er", "es")]
    forms += [noun + ending for noun in nouns for ending in ("s", "less", "wise")] + [f"un{word}" for word in adjectives]
    random.shuffle(forms)
    plain = list(dict.fromkeys([*common, *stems, *forms]))
    names = iter(identifiers())
    ranked = plain[:FIRST_IDENTIFIER_RANK]
    for place, word in enumerate(plain[FIRST_IDENTIFIER_RANK:]):
        ranked.append(word)
        if place % (IDENTIFIER_EVERY - 1) == 0:
            ranked.append(next(names))
    return ranked


@cache
def identifiers() -> list[str]:
    """camelCase, snake_case and PascalCase names, error codes, file names."""
    random = Random("identifiers")
    verbs, nouns, adjectives = (sections()[kind] for kind in ("verbs", "nouns", "adjectives"))
    made: dict[str, None] = {}
    while len(made) < 2_000:
        verb, noun, other, adjective = random.choice(verbs), random.choice(nouns), random.choice(nouns), random.choice(adjectives)
        made[random.choice((
            verb + noun.title(), verb + noun.title() + other.title(), f"{verb}_{noun}", f"{adjective}_{noun}_{other}", noun.title() + other.title(),
            f"{noun}.{other}", f"E{noun.upper()}", f"ERR_{noun.upper()}_{other.upper()}", f"{noun}_{other}.py", f"src/{noun}/{other}.ts",
        ))] = None  # fmt: skip
    return list(made)


def share_of_rank(rank: int) -> float:
    """How much of all words the word of this rank is."""
    (low, low_share), (high, high_share) = next(pair for pair in pairwise(RANK_SHARES) if rank <= pair[1][0])
    slope = log(high_share / low_share) / log(high / low)
    return low_share * exp(slope * log(rank / low))


class Writer:
    """Writes texts of a given length."""

    def __init__(self, random: Random) -> None:
        self._random = random
        ranked = ranked_words()
        shares = [share_of_rank(rank) for rank in range(1, len(ranked) + 1)]
        # Each word comes with what follows it; so a text is only drawn and joined.
        pool = [(word + ending, share / len(ENDINGS)) for word, share in zip(ranked, shares, strict=True) for ending in ENDINGS]
        once = [self._once() for _ in range(100_000)]
        pool += [(word, sum(shares) * ONCE_SHARE / len(once)) for word in once]
        self._words = [word for word, _ in pool]
        self._weights = list(accumulate(share for _, share in pool))

    def _once(self) -> str:
        bits = self._random.getrandbits
        kind = bits(2)
        if kind == 0:
            return f"{bits(28):07x} "
        if kind == 1:
            return f":{bits(14)} "
        return f"#{bits(20)} " if kind == 2 else f"{bits(32):08x}-{bits(16):04x} "

    def text(self, words: int) -> str:
        """So many words."""
        return "".join(self._random.choices(self._words, cum_weights=self._weights, k=words)).strip() or "ok"
