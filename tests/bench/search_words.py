"""Queries as people type them into the search box: words from frequent to rare, phrases, identifiers and parts of them."""

import re
from collections.abc import Callable
from random import Random

from tests.bench.vocabulary import FIRST_IDENTIFIER_RANK, identifiers, ranked_words

# Words up to this rank are half of all texts.
FREQUENT_RANK = 150


def words_of(texts: list[str]) -> dict[str, Callable[[Random], str]]:
    """By kind of query, what makes one. `texts` are messages that exist: phrases and rare words are taken out of them."""
    ranked = ranked_words()
    plain = [word for word in ranked if word.isalpha() and word.islower()]
    found = set(ranked)
    names = [name for name in identifiers() if name in found]

    def rare(random: Random) -> str:
        text = random.choice(texts)
        hashes: list[str] = re.findall(r"\b[0-9a-f]{7}\b", text)
        return random.choice(hashes or ["f00ba12"])

    def phrase(random: Random) -> str:
        words: list[str] = []
        while len(words) < 4:
            words = re.findall(r"[a-z]+(?: [a-z]+)+", random.choice(texts))
            words = max((run.split() for run in words), key=len, default=[])
        at = random.randrange(len(words) - 2)
        return f'"{" ".join(words[at : at + 3])}"'

    frequent = set(plain[:FREQUENT_RANK])

    def frequent_phrase(random: Random) -> str:
        found: list[str] = []
        while not found:
            words = [word if word in frequent else "" for word in random.choice(texts).split(" ")]
            found = [" ".join(run) for run in zip(words, words[1:], words[2:], strict=False) if all(run)]
        return f'"{random.choice(found)}"'

    def part(random: Random) -> str:
        return re.split(r"[._/]|(?<=[a-z])(?=[A-Z])", random.choice(names))[-1]

    return {
        "a frequent word": lambda r: r.choice(plain[20:150]),
        "a word": lambda r: r.choice(plain[150:FIRST_IDENTIFIER_RANK]),
        "a rare word": lambda r: r.choice(plain[-800:]),
        "a hash": rare,
        "two words": lambda r: f"{r.choice(plain[100:600])} {r.choice(plain[100:600])}",
        "a phrase": phrase,
        "a phrase of frequent words": frequent_phrase,
        "an identifier": lambda r: r.choice(names),
        "a part of one": part,
        "or, and not": lambda r: f"{r.choice(plain[300:900])} or {r.choice(plain[300:900])} -{r.choice(plain[20:300])}",
    }


def literals_of(texts: list[str]) -> dict[str, Callable[[Random], str]]:
    """By kind, what makes one: pieces of texts that exist, as they stand."""

    def piece(random: Random, least: int, most: int) -> str:
        found = ""
        while len(found.strip()) < least:
            text = random.choice(texts).replace("\n", " ")
            at, length = random.randrange(max(1, len(text) - most)), random.randint(least, most)
            found = text[at : at + length]
        return found

    def sign(random: Random) -> str:
        return random.choice((". ", "`", ") ", ": ", " (", "\n- ")) + random.choice(identifiers())[:4]

    return {
        "12 to 40 characters": lambda r: piece(r, 12, 40),
        "4 to 8 characters": lambda r: piece(r, 4, 8),
        "within an identifier": lambda r: r.choice(identifiers())[2:9],
        "signs and letters": sign,
    }


def patterns_of(texts: list[str]) -> dict[str, Callable[[Random], str]]:
    """By kind, what makes a regular expression: of words of a text that exists, or without any."""

    def neighbours(random: Random) -> list[str]:
        words: list[str] = []
        while len(words) < 2:
            words = re.findall(r"[a-z]{4,}", random.choice(texts))
        at = random.randrange(len(words) - 1)
        return words[at : at + 2]

    return {
        "two words with little between": lambda r: r"\W{1,3}".join(neighbours(r)),
        "one word or another": lambda r: "|".join(neighbours(r)),
        "the beginning of a word": lambda r: rf"\b{neighbours(r)[0][:4]}\w+\(",
        "signs and digits": lambda r: r.choice((r"v\d+\.\d+\.\d+", r"E\d{4}", r"0x[0-9a-f]{4,}", r"\d{3,}ms", r"https?://[a-z]+\.")),
    }


def questions_of(texts: list[str]) -> dict[str, Callable[[Random], str]]:
    """By kind, what makes a question, as people ask for a session."""

    def of(random: Random) -> list[str]:
        words: list[str] = []
        while len(words) < 4:
            words = re.findall(r"[a-z]{4,}", random.choice(texts))
        return random.sample(words, 4)

    def misspelt(random: Random) -> str:
        words = of(random)
        at = random.randrange(1, len(words[0]) - 1)
        return " ".join([words[0][:at] + words[0][at + 1 :], *words[1:]])

    return {
        "a question": lambda r: "where did we {} the {} so that {} works with {}".format(*of(r)),
        "four words, one misspelt": misspelt,
    }
